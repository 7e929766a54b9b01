"""What a search tried, as a table for a person; reads its outputs and nothing heavy."""

import csv
from pathlib import Path

from components.frame import files
from components.frame.errors import UsageError
from components.frame.tables import aligned

COLUMNS = (
    "number",
    "stage",
    "state",
    "layer",
    "trained_fraction",
    "learning_rate",
    "epochs",
    "shown",
    "cost",
    "cached",
)
MEGA = 10**6


def trials(folder: Path, score_name: str) -> list[list[str]]:
    """The rows of `trials.csv` in `folder`, a heading first, numbers as a person reads them."""
    heading = [f"validation_{score_name}" if name == "shown" else name for name in COLUMNS]
    with (folder / "trials.csv").open(encoding="utf-8", newline="") as file:
        rows = [[_cell(name, row[name]) for name in COLUMNS] for row in csv.DictReader(file)]
    return [heading, *rows]


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
        raise UsageError("There must be a finished search to show, but none is. thawline run")
    summary = files.read_json(folder / "summary.json")
    spent = f"{summary['full_fine_tunings_spent']:.2f} trainings of the whole network spent"
    return "\n".join(
        [*aligned(trials(folder, summary["score_name"])), "", *decisions(folder), spent]
    )


def _cell(name: str, value: str) -> str:
    if name == "trained_fraction":
        return f"{float(value):.1%}"
    if name == "learning_rate":
        return f"{float(value):.2g}"
    if name == "cost":
        return f"{int(value) // MEGA:,}M"
    return value
