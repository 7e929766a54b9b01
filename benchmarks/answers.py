"""How soon the command line answers: help on every command, and what is wrong with a parameter.

    python benchmarks/answers.py               each eleven times, in turns, in a process of its own

CPU is user and system time. Medians, and in brackets the smallest and the largest value; errors
are asked in a project beside the clone, which they leave as it was.
"""

import argparse
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import typer

from flows.cli import app

ROOT = Path(__file__).resolve().parents[1]
LIMIT = 0.5
"""Seconds; what takes longer does not answer at once."""
ERRORS = (
    "run --set max_trials=3",
    "run --set serch.seed=1",
    "run --set search.max_trails=3",
    "run --set search.max_trials=0",
    "run --set search.max_trials=many",
    "run --set ingest.source=nowhere",
    "run --set base.source=nowhere.safetensors",
    "run --set base.architecture=resnt50",
    "run --set base.architecture=resnet50",
    "run --set augment.policy=nowhere.yaml",
    "run --set augment.task=regresion",
    "run --set split.group_by=(",
    "run --set search.strategy=tpe --set search.compute=2",
    "run --once search.max_trials=0",
    "run --effort quik",
    "run --budget soon",
    "run --effort quick --budget 5m",
    "params --reset serch",
    "params nowhere.at_all",
    "models nosuchnet",
    "init ../project --set serch.seed=1",
    "init ../other --source nowhere",
    "schedule --cron daily",
    "schedule --cron '0 3 * * *' --timezone Berlin",
    "status --everything",
    "serve --port many",
    "promote --version 1",
)
"""Each ends with exit code 2."""


@dataclass
class Spent:
    """What an answer took, a value a run, in seconds."""

    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=11)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name) / "project"
        once(place.parent, ["init", str(place)], 0)
        spent = measure(place, asked.runs)
    print(table(spent, asked.runs))


def helped() -> Iterator[str]:
    """Every command and group, asked for help."""
    waiting: list[tuple[tuple[str, ...], Any]] = [((), typer.main.get_command(app))]
    while waiting:
        names, command = waiting.pop(0)
        yield " ".join((*names, "--help"))
        below = getattr(command, "commands", {})
        waiting += [((*names, name), one) for name, one in below.items()]


def measure(place: Path, runs: int) -> dict[str, Spent]:
    """Every question `runs` times in turns, after one round that warms the disk's cache."""
    questions = {**dict.fromkeys(helped(), 0), **dict.fromkeys(ERRORS, 2)}
    spent = {question: Spent() for question in questions}
    for number in range(runs + 1):
        for question, code in questions.items():
            cpu, wall = once(place, words(question), code)
            if number:
                spent[question].cpu.append(cpu)
                spent[question].wall.append(wall)
    return spent


def words(question: str) -> list[str]:
    return shlex.split(question)


def once(place: Path, arguments: list[str], code: int) -> tuple[float, float]:
    """CPU and wall seconds of a command that must end with this exit code."""
    before, begun = os.times(), time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "flows.cli", *arguments],
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": ""},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    wall, after = time.perf_counter() - begun, os.times()
    if done.returncode != code:
        said = f"{done.stdout}{done.stderr}"
        raise SystemExit(f"{arguments} must end with {code}, not {done.returncode}:\n{said}")
    user = after.children_user - before.children_user
    return user + after.children_system - before.children_system, wall


def table(spent: dict[str, Spent], runs: int) -> str:
    """Help together, then a line an error; the slowest last."""
    load = os.getloadavg()[2]
    slow = sum(statistics.median(one.cpu) > LIMIT for one in spent.values())
    lines = [
        f"{runs} runs each, a load of {load:.1f} on {os.cpu_count()} cores.",
        f"{slow} of {len(spent)} take more than {LIMIT} s of CPU.",
        "",
        "| answer | CPU | wall |",
        "|---|---|---|",
    ]
    ordered = sorted(spent.items(), key=lambda pair: statistics.median(pair[1].cpu))
    for question, one in ordered:
        lines.append(f"| `{question}` | {shown(one.cpu)} | {shown(one.wall)} |")
    return "\n".join(lines)


def shown(seconds: list[float]) -> str:
    return f"{statistics.median(seconds):.2f} ({min(seconds):.2f}, {max(seconds):.2f})"


if __name__ == "__main__":
    main()
