"""What a stage that runs has come to, by the events it tells: it is read, never asked."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.frame import events
from components.frame.durations import duration
from components.frame.progress import line
from components.frame.tables import aligned
from flows.project import Project

Event = dict[str, Any]
HEADING = ["trial", "kind", "state", "trained from", "learning rate", "epochs", "validation"]


@dataclass(frozen=True)
class Stage:
    """A stage by its events of the state in which it runs, over all its attempts."""

    name: str
    events: Sequence[Event]

    @property
    def finished(self) -> bool:
        """Whether it came to its end."""
        return bool(self.events) and self.events[-1]["kind"] == "finished"

    def epochs(self, trial: int | None = None) -> list[Event]:
        """Those of one trial, or of the final training."""
        return [one for one in self.events if one["kind"] == "epoch" and one["trial"] == trial]

    def begun(self) -> list[Event]:
        """The beginning of each trial: the last one, where a kill made it begin again."""
        found = {one["number"]: one for one in self.events if one["kind"] == "begun"}
        return list(found.values())

    def ended(self) -> dict[int, Event]:
        """The end of each trial that came to one, by its number."""
        return {one["number"]: one for one in self.events if one["kind"] == "trial"}

    def trial(self) -> Event | None:
        """The beginning of the trial that is under way."""
        open_ = [one for one in self.begun() if one["number"] not in self.ended()]
        return open_[-1] if open_ else None

    def best(self) -> Event | None:
        """The epoch with the best validation score; of a search, of those that ended its trials."""
        if self.name == "train":
            return max(self.epochs(), key=_score, default=None)
        full = [n for n, one in self.ended().items() if one["state"] == "complete"]
        last = [told[-1] for n in full if (told := self.epochs(n))]
        return max(last, key=_score, default=None)

    def left(self, now: float) -> float | None:
        """Seconds to its end, about or at most; none: it says nothing of it."""
        trial = self.trial()
        told = self.epochs(trial["number"] if trial else None)
        of_epochs = _left_of(told[-1], now) if told else None
        if trial is None:
            return of_epochs
        of_search = trial["seconds_left"] - (now - trial["at"])
        return float(max(of_search, of_epochs or 0.0))


def stage(project: Project, name: str) -> Stage:
    """What a stage has told in the state in which it last ran."""
    current = project.private / "work" / name / "current"
    try:
        folder = current.parent / current.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return Stage(name, [])
    return Stage(name, events.read(Path(folder) / "events.jsonl"))


def where(stage: Stage) -> str:
    """Trial and epoch, or how far a step is, in a few words; empty: it told nothing yet."""
    told = _told(stage)
    if not told:
        return ""
    if told[-1]["kind"] == "progress":
        return line(told[-1]["what"], told[-1]["done"], told[-1]["total"]).strip()
    trial = stage.trial()
    if trial is not None:
        done = len(stage.epochs(trial["number"]))
        epoch = min(done + 1, trial["epochs"])
        return f"trial {trial['number']}, epoch {epoch} of {trial['epochs']}"
    done = len(stage.epochs())
    return f"epoch {min(done + 1, told[-1]['epochs'])} of {told[-1]['epochs']}" if done else ""


def _told(stage: Stage) -> list[Event]:
    """What it told of how far it is; a step that is done says nothing of what comes after it."""
    told = [one for one in stage.events if one["kind"] in ("progress", "begun", "epoch", "trial")]
    last = told[-1] if told else {}
    over = last.get("kind") == "progress" and last["done"] == last["total"]
    return [one for one in told if one["kind"] != "progress"] if over else told


def part(stage: Stage) -> tuple[int, int] | None:
    """How many parts of what is under way are done, and of how many; none: nobody knows."""
    told = _told(stage)
    if not told or stage.finished:
        return None
    if told[-1]["kind"] == "progress":
        return told[-1]["done"], told[-1]["total"]
    trial = stage.trial()
    epochs = stage.epochs(trial["number"] if trial else None)
    total = trial["epochs"] if trial else epochs[-1]["epochs"] if epochs else 0
    return (len(epochs), total) if total else None


def facts(stage: Stage, now: float | None = None) -> list[tuple[str, str]]:
    """Where it is, the best so far, and the time left; only what there is."""
    rows = [("now at", where(stage))]
    best, left = stage.best(), stage.left(time.time() if now is None else now)
    if best is not None:
        of = f"trial {best['trial']}" if best["trial"] is not None else f"epoch {best['epoch']}"
        rows.append(("best", f"validation {best['shown']} ({of})"))
    if left is not None:
        rows.append(("left", f"about {duration(left)} of {stage.name}"))
    return [row for row in rows if row[1]]


def trials(search: Stage) -> list[str]:
    """A line for each trial, those that are under way included."""
    ended = search.ended()
    rows = [HEADING]
    for one in search.begun():
        told = search.epochs(one["number"])
        end = ended.get(one["number"])
        rows.append(
            [
                str(one["number"]),
                one["stage"],
                end["state"] if end else "under way",
                one["layer"],
                f"{one['learning_rate']:.2g}",
                f"{len(told)} of {one['epochs']}",
                told[-1]["shown"] if told else "",
            ]
        )
    return aligned(rows)


def _left_of(epoch: Event, now: float) -> float:
    """Seconds that a fit still takes where each epoch takes as long as this one, its last."""
    to_come = epoch["epochs"] - epoch["epoch"]
    return float(max(0.0, epoch["seconds"] * to_come - (now - epoch["at"])))


def _score(epoch: Event) -> float:
    return float(epoch["validation_score"])
