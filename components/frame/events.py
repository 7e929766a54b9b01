"""What a stage tells while it runs: JSON lines with a clock, apart from its outputs.

`FIELDS` says what each kind of event holds. How an event reads on the screen is no matter of the
stage that tells it: `narrator` finds that by name, so that no line depends on it.
"""

import json
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

Event = dict[str, Any]
Narrate = Callable[[Event], None]

FIELDS: dict[str, tuple[str, ...]] = {
    "started": ("stage",),
    "device": ("device", "precision"),
    "progress": ("stage", "what", "done", "total"),
    "begun": (
        "number",
        "stage",
        "layer",
        "trained_fraction",
        "learning_rate",
        "epochs",
        "seconds_left",
    ),
    "epoch": (
        "fit",
        "trial",
        "epochs",
        "epoch",
        "train_loss",
        "train_score",
        "validation_loss",
        "validation_score",
        "validation_score_error",
        "learning_rate",
        "seconds",
        "images_per_second",
        "shown",
    ),
    "trial": (
        "number",
        "state",
        "value",
        "freeze_depth",
        "layer",
        "trained_fraction",
        "learning_rate",
        "stage",
        "cached",
        "seconds",
        "outcome",
    ),
    "finished": ("stage", "seconds"),
}
"""The fields of each kind, besides `at` (seconds since 1970) and `kind`.

`fit` is `train` or `trial-0007`; `trial` its number or null; `epoch` counts from 1; `shown` is the
validation score as people read it; `value` the score of a trial or null; `outcome` a sentence.
"""
NARRATION = "components.frame.narration"


class Events:
    """An append-only file of JSON lines, one an event."""

    def __init__(self, path: Path, narrate: Narrate = lambda _event: None) -> None:
        """`narrate` shows each event to a person."""
        self.path, self.narrate = path, narrate
        path.parent.mkdir(parents=True, exist_ok=True)
        _cut_torn_line(path)

    def emit(self, kind: str, **fields: Any) -> None:  # noqa: ANN401  # whatever JSON can hold
        """Append one event with the time of now, and show it.

        Raises:
            ValueError: its fields are not those that `FIELDS` names.
        """
        if set(fields) != set(FIELDS[kind]):
            odd = sorted(set(fields) ^ set(FIELDS[kind]))
            raise ValueError(f"`{kind}` must have the fields {FIELDS[kind]}, but differs in {odd}")
        event = {"at": time.time(), "kind": kind, **fields}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(event, ensure_ascii=False) + "\n")
        self.narrate(event)

    def say(self, sentence: str) -> None:
        """Show a sentence; it is kept nowhere."""
        self.narrate({"kind": "sentence", "sentence": sentence})


def narrator() -> Narrate:
    """What shows the events of a stage on its standard output."""
    narrate: Narrate = import_module(NARRATION).narrate
    return narrate


def read(path: Path) -> list[Event]:
    """All events of a file in their order; none where it is missing, and no torn last line."""
    if not path.exists():
        return []
    lines = path.read_bytes().split(b"\n")[:-1]
    return [json.loads(line) for line in lines]


def _cut_torn_line(path: Path) -> None:
    """Drop what a killed writer left behind the last whole line."""
    if not path.exists():
        return
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        with path.open("r+b") as file:
            file.truncate(whole)
