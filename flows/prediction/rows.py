"""What is written of every image: a line of JSON, or of CSV below a heading."""

import csv
import json
from collections.abc import Sequence
from io import StringIO
from typing import Literal, TextIO

from flows.prediction.inputs import ImageFile

Format = Literal["jsonl", "csv"]


class Rows:
    """Writes predictions as they come, a line an image.

    Odd bytes of a file name that is no UTF-8 are written as escapes, which JSON reads back.
    """

    def __init__(self, file: TextIO, form: Format, classes: Sequence[str]) -> None:
        self._file = file
        self._form = form
        self._classes = classes
        if form == "csv":
            names = (f"probability_{name}" for name in classes)
            self._write(_csv("path", "class", "probability", *names))

    def add(self, image: ImageFile, label: str, probabilities: Sequence[float]) -> None:
        """Write what is said of one image; `probabilities` are in the order of the classes."""
        if self._form == "csv":
            self._write(_csv(image.shown, label, max(probabilities), *probabilities))
            return
        row = {
            "path": image.shown,
            "class": label,
            "probability": max(probabilities),
            "probabilities": dict(zip(self._classes, probabilities, strict=True)),
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
