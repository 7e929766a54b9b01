"""What is written of every image: a line of JSON, or of CSV below a heading."""

import csv
import json
from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Any, Literal, TextIO

from flows.prediction.inputs import ImageFile

Format = Literal["jsonl", "csv"]
PREFIX = "probability_"
"""Begins the name of a column with the probability of a class."""


class Rows:
    """Writes predictions as they come, a line an image: the columns that the model answers.

    Probabilities stand together, the highest before them. Odd bytes of a file name that is no
    UTF-8 are written as escapes, which JSON reads back.
    """

    def __init__(self, file: TextIO, form: Format, columns: Sequence[str]) -> None:
        self._file = file
        self._form = form
        self._plain = [name for name in columns if not name.startswith(PREFIX)]
        self._probabilities = [name for name in columns if name.startswith(PREFIX)]
        if form == "csv":
            highest = ["probability"] if self._probabilities else []
            self._write(_csv("path", *self._plain, *highest, *self._probabilities))

    def add(self, image: ImageFile, answer: Mapping[str, Any]) -> None:
        """Write what is said of one image."""
        plain = {name: answer[name] for name in self._plain}
        probabilities = {name: answer[name] for name in self._probabilities}
        highest = {"probability": max(probabilities.values())} if probabilities else {}
        if self._form == "csv":
            cells = (plain | highest | probabilities).values()
            self._write(_csv(image.shown, *cells))
            return
        row = {"path": image.shown, **plain, **highest}
        if probabilities:
            row["probabilities"] = {k.removeprefix(PREFIX): v for k, v in probabilities.items()}
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
