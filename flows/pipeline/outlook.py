"""What a run has still to do and how long that may take: said before, and anew as it goes."""

import csv
import json
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.frame import files
from components.frame.durations import duration
from components.frame.errors import ThawlineError
from flows.pipeline import census, forecast, overrides
from flows.pipeline.forecast import Seconds
from flows.project import Project
from flows.tracking import under_way

HEAVY = ("search", "train")
LEAST = 10.0
"""Seconds below which nothing is said of what is left."""


@dataclass(kw_only=True)
class Outlook:
    """The tasks to come, and the seconds that each may take."""

    project: Project
    left: Seconds
    resumed: set[str] = field(default_factory=set)
    """Tasks of which a part was done before."""
    first: float = 0.0
    """What the whole was to take."""
    spent: float = 0.0

    def sentence(self) -> str:
        """How long the rest may take, search and training apart; empty: not worth a word."""
        total = sum(self.left.values())
        if total < LEAST:
            return ""
        parts = forecast.grouped(self.left, self.left)
        told = ", ".join(f"{name} {duration(each)}" for name, each in parts.items() if each >= 1)
        return f"about {duration(total)} left, by forecast: {told}"

    def done(self, task: str, took: float, *, whole: bool) -> None:
        """Take up that a task ended, and what that tells of the others."""
        expected = self.left.pop(task, None)
        self.spent += took
        if expected is None:
            return
        if whole and task not in self.resumed:
            forecast.correct(self.project, task, expected, took)
        if task == "search" and whole and "train" in self.left:
            self.left["train"] *= _trained_cost(self.project)
        self.keep()

    def verdict(self) -> str:
        """What the whole took, beside what it was to take; empty: nothing was forecast."""
        if self.first < LEAST:
            return ""
        return f"took {duration(self.spent)}; {duration(self.first)} were forecast"

    def keep(self) -> None:
        """Note it for whoever asks from outside."""
        files.write_text(_file(self.project), json.dumps(self.left) + "\n")


def of(project: Project, tasks: Iterable[str]) -> Outlook | None:
    """The outlook on these tasks; none where the machine's speed cannot be found out."""
    try:
        values = overrides.values_with(project, {}, [])
        counted = census.take(project, values)
        expected = seconds(project, values, counted)
    except (ThawlineError, subprocess.SubprocessError, ValueError, KeyError):
        return None
    made = Outlook(
        project=project, left={task: expected[task] for task in tasks if task in expected}
    )
    for task in HEAVY:
        done = _done_before(project, task)
        if task in made.left and done:
            made.resumed.add(task)
            made.left[task] = max(0.0, made.left[task] - done)
    made.first = sum(made.left.values())
    made.keep()
    return made


def seconds(project: Project, values: Mapping[str, Any], counted: census.Census) -> Seconds:
    """What each task of a run with these values may take here."""
    each = forecast.pass_seconds(project, values, counted)
    return forecast.expected(values, counted, each, forecast.corrections(project))


def kept(project: Project) -> Seconds:
    """The outlook of the run under way, by task; empty where there is none."""
    try:
        content: Seconds = json.loads(_file(project).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return content


def _done_before(project: Project, task: str) -> float:
    """Seconds that an attempt which did not end has spent on trials or epochs."""
    told = under_way.stage(project, task)
    kind = "trial" if task == "search" else "epoch"
    if told.finished:
        return 0.0
    return float(sum(one["seconds"] for one in told.events if one["kind"] == kind))


def _trained_cost(project: Project) -> float:
    """What training with the chosen setting costs, as a fraction of training every layer."""
    folder = project.build / "search"
    chosen = files.read_json(folder / "summary.json")["freeze_depth"]
    with (folder / "freeze_depths.csv").open(encoding="utf-8", newline="") as file:
        costs = {int(row["freeze_depth"]): float(row["trial_cost"]) for row in csv.DictReader(file)}
    return costs[chosen] / costs[0]


def _file(project: Project) -> Path:
    return project.private / "outlook.json"
