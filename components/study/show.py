"""What a search tried, as a table for a person; reads its outputs and nothing heavy."""

import csv
import json
from pathlib import Path

from components.features.store import FOLDER, VALIDATION, Entry, Store, footprint
from components.frame import files
from components.frame.errors import UsageError

COLUMNS = ("number", "stage", "state", "layer", "trained_share", "learning_rate", "epochs",
           "validation_accuracy", "cost", "cached")  # fmt: skip
MEGA = 10**6


def trials(folder: Path) -> list[list[str]]:
    """The rows of `trials.csv` in `folder`, a heading first, numbers as a person reads them."""
    with (folder / "trials.csv").open(encoding="utf-8", newline="") as file:
        rows = [[_cell(name, row[name]) for name in COLUMNS] for row in csv.DictReader(file)]
    return [list(COLUMNS), *rows]


def decisions(folder: Path) -> list[str]:
    """The sentences of `decisions.csv` in `folder`, in order."""
    with (folder / "decisions.csv").open(encoding="utf-8", newline="") as file:
        return [row["decision"] for row in csv.DictReader(file)]


def text(folder: Path) -> str:
    """All of it, aligned; the chosen setting last.

    Raises:
        UsageError: no search ended yet.
    """
    if not (folder / "summary.json").exists():
        raise UsageError("There has to be a finished search to show, but none is. thawline run")
    summary = files.read_json(folder / "summary.json")
    spent = f"{summary['full_fine_tunings_spent']:.2f} trainings of the whole network spent"
    return "\n".join([*_aligned(trials(folder)), "", *decisions(folder), spent])


def activations(cache: Path) -> str:
    """The kept activations in the stages' shared cache, the most useful first, and their sum."""
    store = Store(cache / FOLDER, 0)
    with store.lock():
        entries = store.entries()
    if not entries:
        return "Nothing is kept: the next search fills the cache as far as search.cache_gib allows."
    rows = [["depth", "layer", "of", "pictures", "side", "size", "kept as"], *map(_line, entries)]
    total = sum(footprint(entry) for entry in entries)
    return "\n".join([*_aligned(rows), "", f"{len(entries)} kept, {_bytes(total)} in all"])


def cleared(cache: Path) -> str:
    """Remove them, and say how much that frees."""
    store = Store(cache / FOLDER, 0)
    with store.lock():
        return f"{_bytes(store.clear())} freed"


def _line(entry: Entry) -> list[str]:
    """One entry for a person."""
    about = entry.about
    side = "validation" if about["view"] == VALIDATION else "training, one view"
    return [str(about["depth"]), about["layer"], json.loads(about["architecture"])[0],
            f"{about['rows']:,} at {about['size']} px", side, _bytes(entry.size),
            about["precision"]]  # fmt: skip


def _aligned(rows: list[list[str]]) -> list[str]:
    """Lines whose columns begin below each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


def _bytes(count: int) -> str:
    return f"{count / 2**20:,.1f} MiB"


def _cell(name: str, value: str) -> str:
    if name in {"trained_share", "validation_accuracy"} and value:
        return f"{float(value):.1%}"
    if name == "learning_rate":
        return f"{float(value):.2g}"
    if name == "cost":
        return f"{int(value) // MEGA:,}M"
    return value
