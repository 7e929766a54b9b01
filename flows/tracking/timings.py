"""When things happened: what the events of the stages add to their outputs, which hold no clock."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.frame import events, spec, work
from components.frame.errors import UsageError
from components.frame.spec import stages as stages_of
from flows.project import Project
from flows.tracking.run_content import CURVES, MetricPoint, milliseconds, named, points_of

Event = Mapping[str, Any]
TRAIN = "train"
MEASURED = {"seconds": "seconds/epoch", "images_per_second": "images_per_second"}
"""What only events know of an epoch, and the metrics it becomes."""


@dataclass
class Timings:
    """The events of the stages, in order; the first of its kind counts where work was repeated."""

    epochs: dict[str, dict[int, Event]] = field(default_factory=dict)
    """By fit (`train`, `trial-0007`) and epoch, from 1."""
    trials: dict[int, Event] = field(default_factory=dict)
    finished: dict[str, Event] = field(default_factory=dict)
    """By stage: the last end, whose seconds are those of the whole stage."""

    def add(self, event: Event) -> None:
        """Take up one event."""
        if event["kind"] == "epoch":
            self.epochs.setdefault(event["fit"], {}).setdefault(event["epoch"], event)
        elif event["kind"] == "trial":
            self.trials.setdefault(event["number"], event)
        elif event["kind"] == "finished":
            self.finished[event["stage"]] = event

    def times(self, fit: str) -> dict[int, int]:
        """When each epoch of a fit ended, in milliseconds since 1970."""
        return {number: milliseconds(e["at"]) for number, e in self.epochs.get(fit, {}).items()}

    def curve(self, fit: str, score_name: str) -> list[MetricPoint]:
        """Losses, scores and rate by epoch, as the outputs will have them."""
        return [
            point
            for number, event in sorted(self.epochs.get(fit, {}).items())
            for point in points_of(
                named({name: event[name] for name in CURVES}, score_name),
                milliseconds(event["at"]),
                number,
            )
        ]

    def measured(self, fit: str) -> list[MetricPoint]:
        """Seconds and images per second, by epoch."""
        return [
            point
            for number, event in sorted(self.epochs.get(fit, {}).items())
            for point in points_of(
                {name: event.get(key) for key, name in MEASURED.items()},
                milliseconds(event["at"]),
                number,
            )
        ]

    def span(self, fit: str) -> tuple[int, int] | tuple[None, None]:
        """Start and end of a fit in milliseconds since 1970."""
        told = sorted(self.epochs.get(fit, {}).values(), key=_at)
        if not told:
            return None, None
        return milliseconds(told[0]["at"] - told[0].get("seconds", 0)), milliseconds(told[-1]["at"])

    def whole(self) -> tuple[int, int] | tuple[None, None]:
        """An end, and a start so far before it as the stages worked, however often they paused."""
        if not self.finished:
            return None, None
        end = max(map(_at, self.finished.values()))
        return milliseconds(end - sum(self.seconds().values())), milliseconds(end)

    def seconds(self) -> dict[str, float]:
        """What each stage took."""
        return {name: event["seconds"] for name, event in sorted(self.finished.items())}


def read(project: Project) -> Timings:
    """The events of every stage in the present state of what it depends on."""
    timings = Timings()
    for name in stages_of(project.root):
        if (project.private / "work" / name).is_dir():
            for event in events.read(events_path(project, name)):
                timings.add(event)
    return timings


def events_path(project: Project, name: str) -> Path:
    """Where a stage writes its events in the present state of what it depends on."""
    try:
        folder = work.work_folder(spec.spec(name, project.root), project.root)
    except UsageError:  # what it depends on is gone, so are its events
        return project.private / "work" / name / "none"
    return folder / "events.jsonl"


def fit_of(trial: int) -> str:
    """The name of a trial's fit in the events."""
    return f"trial-{trial:04d}"


def gathered(told: Iterable[Event]) -> Timings:
    """The timings that these events tell."""
    timings = Timings()
    for event in told:
        timings.add(event)
    return timings


def _at(event: Event) -> float:
    return float(event["at"])
