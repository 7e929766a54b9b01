"""What a stage tells while it runs: JSON lines with a clock, apart from its outputs.

| kind       | fields                                                                   |
|------------|--------------------------------------------------------------------------|
| `started`  | `stage`                                                                  |
| `progress` | `stage`, `done`, `total`                                                 |
| `epoch`    | `fit` (`train` or `trial-0007`), `trial` (number or null), `epoch` (from |
|            | 1), `epochs`, `train_loss`, `train_accuracy`, `validation_loss`,         |
|            | `validation_accuracy`, `learning_rate`, `seconds`, `images_per_second`   |
| `trial`    | `number`, `state` (`complete`, `pruned`, `failed`), `value`, `freeze_depth`,    |
|            | `layer`, `trained_fraction`, `learning_rate`, `seconds`                     |
| `finished` | `stage`, `seconds`                                                       |
"""

import json
import time
from pathlib import Path
from typing import Any


class Events:
    """An append-only file of JSON lines, one an event."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        _cut_torn_line(path)

    def emit(self, kind: str, **fields: Any) -> None:  # noqa: ANN401  # whatever JSON can hold
        """Append one event with the time of now, in seconds since 1970."""
        line = json.dumps({"at": time.time(), "kind": kind, **fields}, ensure_ascii=False)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")


def read(path: Path) -> list[dict[str, Any]]:
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
