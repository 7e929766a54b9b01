"""Kill one step of the line at one write after the other, do it again, and compare the end.

    python tests/chaos/schedule.py FOLDER STEP... [--seed N] [--draw N] [--share K/N] [--until STEP]

A step is `stage:NAME`, `build:NAME` (the stage by way of DVC) or `action:NAME`. Every attempt is a
fork of this process, which has imported all there is, in a copy of what the undisturbed line left
before that step. Prints a line for each point at which the end differs, and one for each step.
"""

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import line
from killing import PLACES, Point, Watch, into

from flows.project import Project

UNSEEN = (".thawline/dvc", ".git")
"""Databases in which DVC notes what it has hashed: their entries are checked before use."""
MOMENTS = dict.fromkeys(PLACES, ("before", "after"))
MOMENTS |= {"open": ("before", "during", "after"), "sql": ("before",)}
"""After one statement is before the next."""


class Done(NamedTuple):
    """How a fork ended."""

    code: int
    """Its exit code, below 0 for a signal."""
    output: str


def forked(work: Callable[[], object]) -> Done:
    """Do `work` in a fork."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        for descriptor in (1, 2):
            os.dup2(writing, descriptor)
        code = 1
        try:
            work()
            code = 0
        except SystemExit as leaving:
            code = int(leaving.code or 0)
        except BaseException:  # noqa: BLE001  # a fork must not go on with the parent's work
            traceback.print_exc()
        sys.stdout.flush()
        os._exit(code)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        output = pipe.read().decode(errors="replace")
    return Done(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), output)


def sure(done: Done) -> str:
    """The output of a fork that must end well."""
    if done.code:
        raise SystemExit(f"the undisturbed line failed ({done.code}):\n{done.output}")
    return done.output


def state(project: Project) -> dict[str, object]:
    """What the project holds, seen by a fork: the parent must not open a database."""
    found: dict[str, object] = json.loads(
        sure(forked(lambda: print("\n" + json.dumps(line.state(project))))).splitlines()[-1]
    )
    return found


class Schedule:
    """The undisturbed line, and kills at its steps."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.project = folder, Project((folder / "project").resolve())

    def prepare(self, until: str | None = None) -> None:
        """Make the project, go the line once, and keep what was there before each step.

        With `until`, a stage, no further than to what is there before it.
        """
        line.make(self.project.root)
        self._step("action sync")
        for name in line.STAGES:
            self._keep(f"build {name}", f"stage {name}")
            if name == until:
                return
            self._do(f"build {name}")
        for name in line.ACTIONS:
            self._step(f"action {name}")
        line.change(self.project.root, "train", seed=1)
        for name in ("train", "evaluate", "report"):
            self._do(f"build {name}")
        for name in line.ACTIONS:
            self._step(f"action {name} again")

    def _step(self, step: str) -> None:
        self._keep(step)
        self._do(step)

    def _keep(self, *steps: str) -> None:
        for name in steps:
            line.keep(self.project, self._place(name))

    def _do(self, step: str) -> None:
        sure(forked(lambda: line.perform(self.project, step)))

    def _place(self, step: str) -> Path:
        return self.folder / "before" / step.replace(" ", "-")

    def record(self, step: str) -> tuple[list[Point], list[str], dict[str, object]]:
        """The points of a step and what each is, and what it leaves behind undisturbed."""
        line.restore(self.project, self._place(step))
        with tempfile.TemporaryFile() as seen:

            def watched() -> None:
                watch = Watch(self.project.root, unseen=UNSEEN, note=into(seen.fileno()))
                watch.start()
                line.perform(self.project, step)

            sure(forked(watched))
            seen.seek(0)
            writes = [json.loads(told) for told in seen]
        found = list(points(writes, self.project.root))
        names = [f"{moment} {writes[number]['event']} {name}" for number, moment, _, name in found]
        return [Point(*one[:3]) for one in found], names, state(self.project)

    def kill(self, step: str, point: Point) -> tuple[Done, Done, dict[str, object]]:
        """Kill a step at a point and do it again; how both ended, and what there is then."""
        line.restore(self.project, self._place(step))

        def disturbed() -> None:
            Watch(self.project.root, unseen=UNSEEN, point=point).start()
            line.perform(self.project, step)

        first = forked(disturbed)
        again = forked(lambda: line.perform(self.project, step))
        return first, again, state(self.project)


def points(writes: list[dict], root: Path) -> Iterator[tuple[int, str, int, str]]:
    """Every moment of every write: its number, the moment, a size for `during`, its path."""
    for index, told in enumerate(writes):
        name = os.path.relpath(told["path"], root)
        for moment in MOMENTS[told["event"].split()[0]]:
            size = 0
            if moment == "during":
                grown = _size_after(writes[index + 1 :], told["path"]) - told["size"]
                if grown < 2:
                    continue
                size = told["size"] + grown // 2
            yield told["number"], moment, size, name


def _size_after(later: list[dict], path: str) -> int:
    """How large a file is when it is next touched, or now."""
    for told in later:
        if told["event"] == "open" and told["path"] == path:
            return int(told["size"])
        if told["event"] == "os.rename" and told["source"] == path:
            return _now(told["path"])
        if told["event"] == "os.remove" and told["path"] == path:
            return 0
    return _now(path)


def _now(path: str) -> int:
    return Path(path).stat().st_size if Path(path).is_file() else 0


def differences(found: dict, wanted: dict) -> list[str]:
    """What differs, a line each."""
    told = []
    for key, right in wanted.items():
        left = found[key]
        if isinstance(right, dict) and isinstance(left, dict):
            names = sorted(set(left) | set(right))
            told += [f"{key}: {name}" for name in names if left.get(name) != right.get(name)]
        elif left != right:
            told.append(f"{key}: {json.dumps(left)[:500]} instead of {json.dumps(right)[:500]}")
    return told


class Share(NamedTuple):
    """A part of what is to be done: every `of`-th, from the `number`-th on, from 1."""

    number: int
    of: int

    @property
    def taken(self) -> slice:
        """What of it is this share's."""
        return slice(self.number - 1, None, self.of)


def share(text: str) -> Share:
    """Read `3/20`: twenty such runs, 1/20 to 20/20, cover everything."""
    number, of = map(int, text.split("/"))
    if not 1 <= number <= of:
        raise ValueError(text)
    return Share(number, of)


def run_step(schedule: Schedule, step: str, asked: argparse.Namespace) -> int:
    """Kill a step at all of its points, or at some of them; how many ended otherwise."""
    found, names, wanted = schedule.record(step)
    drawing = random.Random(f"{asked.seed} {step}")  # noqa: S311  # a schedule, no secret
    drawn = drawing.sample(range(len(found)), min(asked.draw or len(found), len(found)))
    chosen = sorted(drawn)[asked.share.taken]
    wrong, reached = 0, 0
    for index in chosen:
        first, again, left = schedule.kill(step, found[index])
        reached += first.code in (-signal.SIGKILL, -signal.SIGXFSZ)
        odd = differences(left, wanted)
        if again.code:
            odd.insert(0, f"exit code {again.code}: {again.output[-1500:]}")
        if odd:
            wrong += 1
            print(f"DIFFERS {step}, {names[index]} {tuple(found[index])}:")
            print("".join(f"    {one}\n" for one in odd), end="", flush=True)
    if chosen and not reached:
        wrong += 1
        print(f"NOTHING was killed in {step}")
    tried = f"{len(found)} points, {len(chosen)} tried, {reached} killed"
    print(f"chaos: {step}: {tried}, {wrong} differ", flush=True)
    return wrong


def arguments() -> argparse.ArgumentParser:
    """What every schedule is told."""
    asked = argparse.ArgumentParser()
    asked.add_argument("folder", type=Path)
    asked.add_argument("--seed", type=int, default=0)
    asked.add_argument("--draw", type=int, help="so many points, instead of all")
    asked.add_argument("--share", type=share, default="1/1", help="of these, as 3/20 says")
    return asked


def prepared(folder: Path, until: str | None = None) -> Schedule:
    """The schedule in a folder, its undisturbed line gone; imports all there is."""
    warnings.simplefilter("ignore")
    os.environ |= {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    schedule = Schedule(folder.resolve())
    schedule.folder.mkdir(parents=True, exist_ok=True)
    line.warm()
    if not (schedule.folder / "whole").exists():
        schedule.prepare(until)
        (schedule.folder / "whole").touch()
    return schedule


def main() -> None:
    """What the command line asks for; exit code 1 where an end differs."""
    parser = arguments()
    parser.add_argument("steps", nargs="*")
    parser.add_argument("--until", help="a stage: the line is gone up to it alone")
    asked = parser.parse_args()
    schedule = prepared(asked.folder, asked.until)
    print(f"chaos: seed {asked.seed}")
    wrong = [run_step(schedule, step.replace(":", " "), asked) for step in asked.steps]
    sys.exit(1 if any(wrong) else 0)


if __name__ == "__main__":
    main()
