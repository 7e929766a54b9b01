"""What is written of every picture: a line of JSON, or of CSV below a heading."""

import csv
import json
from collections.abc import Sequence
from io import StringIO
from typing import Literal, TextIO

from flows.prediction.inputs import Picture

Format = Literal["jsonl", "csv"]


class Rows:
    """Writes predictions as they come, a line a picture.

    Odd bytes of a file name that is no UTF-8 are written as escapes, which JSON reads back.
    """

    def __init__(self, file: TextIO, form: Format, classes: Sequence[str]) -> None:
        self._file = file
        self._form = form
        self._classes = classes
        if form == "csv":
            names = (f"probability_{name}" for name in classes)
            self._write(_csv("path", "class", "probability", *names))

    def add(self, picture: Picture, label: str, shares: Sequence[float]) -> None:
        """Write what is said of one picture; `shares` are in the order of the classes."""
        if self._form == "csv":
            self._write(_csv(picture.shown, label, max(shares), *shares))
            return
        row = {
            "path": picture.shown,
            "class": label,
            "probability": max(shares),
            "probabilities": dict(zip(self._classes, shares, strict=True)),
        }
        self._write(json.dumps(row, ensure_ascii=False) + "\n")

    def flush(self) -> None:
        """Hand on what was written."""
        self._file.flush()

    def _write(self, line: str) -> None:
        self._file.write(line.encode("utf-8", "backslashreplace").decode())


def _csv(*cells: object) -> str:
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()
