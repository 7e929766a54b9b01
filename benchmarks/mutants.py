"""Whether the tests notice when core logic is wrong: `make mutants`.

Each mutation of `mutations.py` is made in a copy of the project, and those tests run there that
concern it: one of them must fail. What they say of the project as it is comes first. A table at the
end names the test that noticed; the exit code is 1 where none did.

    python -m benchmarks.mutants               all of them
    python -m benchmarks.mutants gate resume   those whose names hold one of these words
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benchmarks.mutations import MUTATIONS, Mutation

ROOT = Path(__file__).parents[1]
PYTEST = ("-m", "pytest", "-q", "-x", "-n0", "-p", "no:cacheprovider", "--durations=0")
FAILED = re.compile(r"^FAILED (\S+?)(?:\[.*)?(?: - .*)?$", re.MULTILINE)
PASSED, NOTICED = 0, 1
"""Exit codes of pytest; by any other one it did not come to a verdict."""


@dataclass(frozen=True)
class Verdict:
    """What the tests said of a mutation."""

    mutation: Mutation
    noticed_by: str
    """A test that failed; empty: none did."""
    seconds: float


def judge(mutation: Mutation, place: Path) -> Verdict:
    """Make a mutation in a copy of the project at `place`, and run the tests that concern it."""
    begun = time.monotonic()
    copy_project(place)
    path = place / mutation.file
    path.write_text(mutation.made(path.read_text(encoding="utf-8")), encoding="utf-8")
    done = run_tests([mutation.test], place)
    shutil.rmtree(place)
    if done.returncode not in {PASSED, NOTICED}:
        raise SystemExit(f"{mutation.name}: the tests could not be run.\n{done.stdout}")
    found = FAILED.search(done.stdout) if done.returncode == NOTICED else None
    seconds = time.monotonic() - begun
    verdict = Verdict(mutation, found[1] if found else "", seconds)
    print(f"{'caught' if found else 'SURVIVED':<8} {seconds:4.0f} s  {mutation.name}", flush=True)
    return verdict


def require_sound(mutations: Iterable[Mutation], place: Path) -> None:
    """See that no test fails before anything is changed: afterwards it would prove nothing."""
    copy_project(place)
    tests = sorted({mutation.test for mutation in mutations})
    done = run_tests(tests, place)
    if done.returncode != PASSED:
        raise SystemExit(f"The tests must pass as things are, but do not.\n{done.stdout}")


def run_tests(tests: Sequence[str], place: Path) -> subprocess.CompletedProcess[str]:
    """Run tests of the copy at `place`, on the code that lies there."""
    given = {**os.environ, "PYTHONPATH": str(place), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, *PYTEST, *tests]
    return subprocess.run(
        command, cwd=place, env=given, text=True, capture_output=True, check=False
    )


def copy_project(place: Path) -> None:
    """Copy what git knows or would take: the project without what was built in it."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, place / name)


def table(verdicts: Iterable[Verdict]) -> str:
    """What was noticed by which test, as Markdown."""
    rows = [
        f"| {one.mutation.name} | `{one.mutation.file}` | {_named(one.noticed_by)} |"
        for one in verdicts
    ]
    return "\n".join(["| mutation | file | noticed by |", "|---|---|---|", *rows])


def _named(test: str) -> str:
    return f"`{test}`" if test else "**nothing**"


def chosen(words: Sequence[str]) -> list[Mutation]:
    """The mutations whose names hold one of these words; without words all of them."""
    return [one for one in MUTATIONS if not words or any(word in one.name for word in words)]


def main() -> int:
    """Judge all that are chosen, two at a time; how many went unnoticed decides."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mutants")
    parser.add_argument("words", nargs="*", help="of the names of mutations; without: all")
    parser.add_argument("--jobs", type=int, default=2, help="mutations at a time")
    asked = parser.parse_args()
    mutations, begun = chosen(asked.words), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        require_sound(mutations, Path(folder) / "sound")
        places = [Path(folder) / f"{number:02}" for number in range(len(mutations))]
        with ThreadPoolExecutor(asked.jobs) as pool:
            verdicts = list(pool.map(judge, mutations, places))
    survived = sum(not one.noticed_by for one in verdicts)
    minutes = (time.monotonic() - begun) / 60
    print(f"\n{table(verdicts)}\n")
    print(f"{len(verdicts) - survived} of {len(verdicts)} noticed, in {minutes:.1f} minutes")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
