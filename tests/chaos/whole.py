"""Cut the power of whole runs at drawn writes of any process, run again, and compare the end.

    python tests/chaos/whole.py FOLDER [--seed N] [--draw N] [--share K/N] [--role WORD]

`thawline run` is watched once undisturbed: every process of it, the flow, DVC, the stages, the
publisher beside them, Prefect's server. Then a process and one of its writes are drawn. A run that
is to be cut in a stage starts from what the line left before that stage.
"""

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import line
from everywhere import end_others
from killing import Point
from schedule import Schedule, arguments, differences, forked, points, prepared, sure

from flows.project import environment

HERE = Path(__file__).parent
RUN = [sys.executable, "-m", "flows.cli", "run"]
LIMIT = 900
"""Seconds after which a run has hung."""


class Drawn(NamedTuple):
    """A process of a run, and where to kill."""

    role: str
    point: Point
    name: str


def run(schedule: Schedule, **chaos: object) -> subprocess.CompletedProcess[str]:
    """`thawline run`, watched as `chaos` asks; nothing of it is left when it ends."""
    given = {name: value for name, value in os.environ.items() if name != "CHAOS"}
    if chaos:
        given["CHAOS"] = json.dumps({"root": str(schedule.project.root), **chaos})
        given["PYTHONPATH"] = os.pathsep.join([str(HERE / "hook"), given.get("PYTHONPATH", "")])
    done = subprocess.run(
        RUN,
        cwd=schedule.project.root,
        env=environment(schedule.project, given),
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=LIMIT,
        check=False,
    )
    if chaos:
        end_others(given["CHAOS"])
    return done


def state(schedule: Schedule) -> dict[str, object]:
    """What there is after a run, without the times of that run."""
    told = forked(lambda: print("\n" + json.dumps(line.state(schedule.project, times=False))))
    found: dict[str, object] = json.loads(sure(told).splitlines()[-1])
    return found


def record(schedule: Schedule) -> tuple[dict[str, list[Drawn]], dict[str, object]]:
    """The points of every process of an undisturbed run, and what it leaves behind."""
    line.restore(schedule.project, schedule.folder / "before" / "action-sync")
    notes = schedule.folder / "notes"
    shutil.rmtree(notes, ignore_errors=True)
    notes.mkdir()
    done = run(schedule, notes=str(notes))
    if done.returncode:
        raise SystemExit(f"the undisturbed run failed ({done.returncode}):\n{done.stdout}")
    found: dict[str, list[Drawn]] = {}
    for path in sorted(notes.iterdir()):
        role = path.name.rpartition("#")[0].replace("|", "/")
        writes = [json.loads(told) for told in path.read_text().splitlines()]
        for number, moment, size, name in points(writes, schedule.project.root):
            label = f"{moment} {writes[number]['event']} {name}"
            found.setdefault(role, []).append(Drawn(role, Point(number, moment, size), label))
    return found, state(schedule)


def start_of(schedule: Schedule, role: str) -> Path:
    """What the line left before the stage that a process builds; else before everything."""
    stage = role.rsplit(maxsplit=1)[-1].rpartition(".")[2]
    place = schedule.folder / "before" / f"build-{stage}"
    return place if place.exists() else schedule.folder / "before" / "action-sync"


def disturb(schedule: Schedule, drawn: Drawn, wanted: dict[str, object]) -> tuple[bool, list[str]]:
    """Cut a run at a point and run again: whether it was cut, and what differs in the end."""
    line.restore(schedule.project, start_of(schedule, drawn.role))
    fired = schedule.folder / "fired"
    fired.unlink(missing_ok=True)
    run(schedule, role=drawn.role, point=drawn.point, fired=str(fired))
    again = run(schedule)
    odd = differences(state(schedule), wanted)
    if again.returncode:
        odd.insert(0, f"exit code {again.returncode}: {again.stdout[-1500:]}")
    return fired.exists(), odd


def main() -> None:
    """Draw, cut, compare; exit code 1 where an end differs, or nothing could be cut."""
    parser = arguments()
    parser.add_argument("--role", default="", help="processes whose command holds it alone")
    asked = parser.parse_args()
    schedule = prepared(asked.folder)
    drawing = random.Random(asked.seed)  # noqa: S311  # a schedule, no secret
    print(f"chaos: seed {asked.seed}", flush=True)
    every, wanted = record(schedule)
    found = {role: drawn for role, drawn in every.items() if asked.role in role}
    every_drawn = [drawing.choice(found[drawing.choice(sorted(found))]) for _ in range(asked.draw)]
    chosen = every_drawn[asked.share.taken]
    cut = wrong = 0
    for drawn in chosen:
        fired, odd = disturb(schedule, drawn, wanted)
        cut += fired
        if odd:
            wrong += 1
            print(f"DIFFERS {drawn.role}, {drawn.name} {tuple(drawn.point)}:")
            print("".join(f"    {one}\n" for one in odd), end="", flush=True)
    count = sum(map(len, found.values()))
    tried = f"{len(found)} processes, {count} points, {len(chosen)} drawn, {cut} cut"
    print(f"chaos: whole runs: {tried}, {wrong} differ", flush=True)
    sys.exit(1 if wrong or (chosen and not cut) else 0)


if __name__ == "__main__":
    main()
