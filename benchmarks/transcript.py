"""From a fresh clone to an answer over HTTP, command by command, as a person types it.

    python -m benchmarks.transcript IMAGES SECOND       folders or archives: docs/transcript.md
    python -m benchmarks.transcript IMAGES SECOND --effort standard --print

A home of its own, so that nothing is there yet but uv's and pip's caches of packages (with an empty
one the download of about 6 GB comes on top). Each way is a terminal; what a command prints is kept.
"""

import argparse
import os
import platform
import re
import shlex
import tempfile
import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.terminal import CommandFailedError, Step, Terminal

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/transcript.md"
SHOWN = 14
"""Lines of what a command printed that the page keeps: the last ones."""
PASSED = re.compile(r"(?:LANG|LC_|TMPDIR|UV_|PIP_|(?:HTTPS?|ALL|NO)_PROXY|SSL_)", re.IGNORECASE)
"""Of the environment, what a person's own would say too."""
HEAD = """\
# A transcript

From a fresh clone to an answer over HTTP, as it was typed. Written by
`python -m benchmarks.transcript`, which does it again with your own images, in the clone and then
in two projects beside it.

{date}, {cores} cores ({processor}), no GPU, packages in uv's cache, {load} other processes at work
on average: CPU-seconds say more than minutes.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", type=Path, nargs=2, help="two data sets")
    parser.add_argument("--effort", default="quick", choices=("quick", "standard", "best"))
    parser.add_argument("--set", action="append", default=[], metavar="STAGE.KEY=VALUE")
    parser.add_argument("--print", action="store_true", help="write no page")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        home = Path(name)
        for images in asked.images:
            (home / images.name).symlink_to(images.resolve())
        first, second = (images.name for images in asked.images)
        sets = (f"--set {shlex.quote(value)}" for value in asked.set)
        options = " ".join([f"--effort {asked.effort}", *sets])
        ways = {
            "In the clone": in_the_clone(home, first, options),
            "In two projects beside it": beside_it(home, (first, second), options),
        }
    text = page(ways)
    print(text)
    if not asked.print:
        PAGE.write_text(text, encoding="utf-8")


def in_the_clone(home: Path, images: str, options: str) -> list[Step]:
    """Five commands."""
    terminal = Terminal(home, surroundings(home))
    run = f".venv/bin/thawline run --set ingest.source=~/{images} {options}".strip()
    steps = [
        terminal.type(f"git clone {ROOT} thawline && cd thawline"),
        terminal.type("make setup"),
    ]
    return [*steps, terminal.type(run), *answered(terminal, ".venv/bin/thawline serve")]


def beside_it(home: Path, images: tuple[str, str], options: str) -> list[Step]:
    """Once for each data set, on the installation that is there."""
    terminal = Terminal(home, surroundings(home))
    steps = [terminal.type("source thawline/.venv/bin/activate")]
    for name in images:
        project = name.split(".")[0]
        made = terminal.type(f"thawline init ~/{project} --source ~/{name}")
        run = terminal.type(f"cd ~/{project} && thawline run {options}".strip())
        steps += [made, run, *answered(terminal, "thawline serve")]
    return [*steps, terminal.type("thawline status --all")]


def answered(terminal: Terminal, serve: str) -> list[Step]:
    """Serve in a second terminal, and ask as the server says."""
    beside = Terminal(terminal.folder, terminal.environment)
    if not serve.startswith("."):
        beside.type("source ~/thawline/.venv/bin/activate")
    with beside.serving(serve, until="curl") as served:
        asked = textwrap.dedent(f"    {served.output[served.output.index('(printf') :]}")
        answer = terminal.type(asked)
    if "predictions" not in answer.output:
        raise CommandFailedError(f"{asked}\n{answer.output}")
    return [served, answer]


def surroundings(home: Path) -> dict[str, str]:
    """Those of a person who has just logged in."""
    caches = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    folders = [folder for folder in os.environ["PATH"].split(":") if ".venv" not in folder]
    passed = {name: value for name, value in os.environ.items() if PASSED.match(name)}
    return passed | {
        "HOME": str(home),
        "PATH": ":".join(folders),
        "UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR", str(caches / "uv")),
        "PIP_CACHE_DIR": os.environ.get("PIP_CACHE_DIR", str(caches / "pip")),
    }


def page(ways: dict[str, list[Step]]) -> str:
    """The transcript as Markdown."""
    head = HEAD.format(
        date=datetime.now(UTC).date(),
        cores=os.cpu_count(),
        processor=processor(),
        load=round(os.getloadavg()[2]),
    )
    return "\n".join([head, *(part for name, steps in ways.items() for part in way(name, steps))])


def way(name: str, steps: list[Step]) -> Iterator[str]:
    """A table of what it took, and the screen."""
    minutes = sum(step.seconds for step in steps) / 60
    yield f"## {name}: {len(steps)} commands, {minutes:.1f} minutes\n"
    yield "| | command | wall | CPU |\n|---|---|---|---|"
    for number, step in enumerate(steps, start=1):
        shown = " ".join(tidy(step.command).split()).replace("|", "\\|")
        cpu = f"{step.cpu:.0f} s" if step.cpu else ""
        yield f"| {number} | `{shown}` | {step.seconds:.0f} s | {cpu} |"
    yield "\n```"
    for step in steps:
        lines = tidy(step.output).splitlines()
        yield f"$ {tidy(step.command)}"
        yield from (["…"] if len(lines) > SHOWN else [])
        yield from lines[-SHOWN:]
    yield "```\n"


def tidy(text: str) -> str:
    """Without the folders of this machine."""
    return re.sub(r"/tmp/tmp\w+", "~", text.replace(str(ROOT), "ADDRESS"))  # noqa: S108  # only named


def processor() -> str:
    """What the machine calls it."""
    found = re.search(r"^model name\s*: (.+)$", _cpuinfo(), re.MULTILINE)
    return found[1] if found else platform.machine()


def _cpuinfo() -> str:
    path = Path("/proc/cpuinfo")
    return path.read_text(encoding="utf-8") if path.exists() else ""


if __name__ == "__main__":
    main()
