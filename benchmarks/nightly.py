"""All that takes too long for every change: `make nightly`. Its result stands in the docs.

    python benchmarks/nightly.py [--seed N] [--only NAME...] [--share K/N]

Each part is a command; what it says goes to `.thawline/nightly/NAME.log`. The section "Nightly" of
docs/reliability.md is written anew, with date, commit and the figures of each part; with `--only`
it is printed instead. `--share 3/20` takes the third twentieth of the kills and of the mutations:
where a night is too short, twenty runs cover all of them.
"""

import argparse
import re
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "reliability.md"
LOGS = ROOT / ".thawline" / "nightly"
PYTEST = (sys.executable, "-m", "pytest", "-q", "-n0")
HEADING = "## Nightly"
COVERED = "What the kills cover, and what not, stands at the top of `tests/chaos/test_chaos.py`."
SECTION = re.compile(rf"^{HEADING}$.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
POINTS = re.compile(
    r"^chaos: (.+): (\d+) points, (\d+) tried, (\d+) killed, (\d+) differ$", re.MULTILINE
)
DRAWN = re.compile(r"^chaos: whole runs: .*$", re.MULTILINE)
COUNTED = re.compile(r"^=* ?(\d.*(?:passed|failed|error|skipped).*?) in [\d.]+s.*$", re.MULTILINE)


class Part(NamedTuple):
    """A command of the night."""

    name: str
    what: str
    command: tuple[str, ...]


class Result(NamedTuple):
    """What became of a part."""

    part: Part
    code: int
    said: str
    minutes: float


def parts(seed: int, share: str) -> list[Part]:
    """All of them, the shortest first."""
    chaos = (*PYTEST, "-rP", "-m", "chaos", "tests/chaos", "--seed", str(seed), "--share", share)
    mutants = (sys.executable, "-m", "benchmarks.mutants", "--share", share)
    architectures = "tests/components/model"
    every = (*PYTEST, "-m", "slow or not slow", architectures)
    slow = (*PYTEST, "-m", "slow", "tests", "--ignore", architectures)
    return [
        Part("bits-job", "the default job, to the bit", ("make", "bits-job")),
        Part("architectures", "every family of networks", every),
        Part("mutants", "mutations of core logic are caught", mutants),
        Part("slow", "the tests marked `slow`", slow),
        Part("chaos", f"kills at every write, seed {seed}, share {share}", chaos),
    ]


def do(part: Part) -> Result | None:
    """Run a part; none where this checkout has no such target of `make`."""
    if part.command[0] == "make" and _silent("make", "-n", *part.command[1:]):
        print(f"{part.name}: not there, left out", flush=True)
        return None
    begun = time.monotonic()
    log = LOGS / f"{part.name}.log"
    with log.open("w+", encoding="utf-8") as file:
        code = subprocess.run(part.command, cwd=ROOT, stdout=file, stderr=file, check=False)
        file.seek(0)
        said = file.read()
    result = Result(part, code.returncode, said, (time.monotonic() - begun) / 60)
    print(f"{part.name}: {outcome(result)}, {log.relative_to(ROOT)}", flush=True)
    return result


def outcome(result: Result) -> str:
    """A part's figures, or the last line it said."""
    told = [figures] if (figures := kills(result.said)) else []
    told += COUNTED.findall(result.said)[-1:] or result.said.strip().splitlines()[-1:]
    return "; ".join(["passed" if result.code == 0 else f"FAILED ({result.code})", *told])


def kills(said: str) -> str:
    """The sums over the schedules of kills; empty where there are none."""
    told = [line.removeprefix("chaos: ") for line in DRAWN.findall(said)]
    if found := POINTS.findall(said):
        columns = list(zip(*found, strict=True))[1:]
        points, tried, killed, differ = (sum(map(int, column)) for column in columns)
        told.insert(0, f"{points:,} points, {tried:,} tried, {killed:,} killed, {differ} differ")
    return "; ".join(told)


def section(results: list[Result]) -> str:
    """What the page says of this night."""
    commit = _output("git", "rev-parse", "--short", "HEAD")
    changed = " with changes that no commit has" if _output("git", "status", "--porcelain") else ""
    rows = [
        f"| {one.part.name} | {one.part.what} | {outcome(one)} | {one.minutes:.0f} min |"
        for one in results
    ]
    table = ["| part | what | result | took |", "|---|---|---|---|", *rows]
    when = f"`make nightly`, {datetime.now(UTC):%Y-%m-%d}, commit {commit}{changed}."
    return "\n".join([HEADING, "", when, COVERED, "", *table, ""])


def write(text: str) -> None:
    """Put the section into the page, in the place of the last one."""
    page = PAGE.read_text(encoding="utf-8") if PAGE.exists() else "# Reliability\n"
    found = SECTION.search(page)
    if found:
        rest = page[found.end() :]
        page = page[: found.start()] + text + ("\n" + rest if rest else "")
    else:
        page = page.rstrip() + "\n\n" + text
    PAGE.write_text(page, encoding="utf-8")


def _silent(*command: str) -> int:
    return subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode


def _output(*command: str) -> str:
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()


def main() -> None:
    """Do all parts; exit code 1 where one failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=datetime.now(UTC).toordinal())
    parser.add_argument("--only", nargs="*", help="names of parts; the page is left as it is")
    parser.add_argument("--share", default="1/1", help="of kills and mutations, as 3/20 says")
    asked = parser.parse_args()
    LOGS.mkdir(parents=True, exist_ok=True)
    wanted = [
        one for one in parts(asked.seed, asked.share) if not asked.only or one.name in asked.only
    ]
    results = [result for one in wanted if (result := do(one)) is not None]
    if asked.only or asked.share != "1/1":
        print(section(results))
    else:
        write(section(results))
    sys.exit(any(result.code for result in results))


if __name__ == "__main__":
    main()
