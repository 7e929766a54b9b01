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
HEADINGS = {"number": "trial", "cost": "whole_trainings"}
"""What columns are called here, where not as in the file: a cost is told in trainings of the whole
network."""


def trials(folder: Path, score_name: str) -> list[list[str]]:
    """The rows of `trials.csv` in `folder`, a heading first, numbers as a person reads them."""
    named = HEADINGS | {"shown": f"validation_{score_name}"}
    heading = [named.get(name, name) for name in COLUMNS]
    whole = int(_rows(folder / "freeze_depths.csv")[0]["trial_cost"])
    rows = _rows(folder / "trials.csv")
    return [heading, *([_cell(name, row[name], whole) for name in COLUMNS] for row in rows)]


def decisions(folder: Path) -> list[str]:
    """The sentences of `decisions.csv` in `folder`, in order."""
    return [row["decision"] for row in _rows(folder / "decisions.csv")]


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


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _cell(name: str, value: str, whole: int) -> str:
    """`whole`: what training the whole network once costs."""
    if name == "trained_fraction":
        return f"{float(value):.1%}"
    if name == "learning_rate":
        return f"{float(value):.2g}"
    if name == "cost":
        return f"{int(value) / whole:.2f}"
    return value
