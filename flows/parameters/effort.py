"""One dial for how much a run may cost: what each effort sets, in the terms of `--set`.

What each brings and costs is measured in docs/benchmarks.md. Images that are smaller than the limit
stay at their own size.
"""

from pathlib import Path
from typing import Any, Literal

from components.frame import files
from flows.project import Project

Effort = Literal["quick", "standard", "best"]
Values = dict[str, Any]

STANDARD: Values = {
    "augment.image_size_limit": None,
    "search.max_trials": 16,
    "search.compute": 4.0,
    "search.epochs": 4,
    "train.epochs": 10,
    "train.patience": 4,
}
"""The shipped defaults of all that an effort sets."""
EFFORTS: dict[Effort, Values] = {
    "quick": {
        "augment.image_size_limit": 96,
        "search.max_trials": 8,
        "search.compute": 1.0,
        "search.epochs": 3,
        "train.epochs": 8,
        "train.patience": 3,
    },
    "standard": STANDARD,
    "best": {
        **STANDARD,
        "search.max_trials": 32,
        "search.compute": 8.0,
        "train.epochs": 40,
        "train.patience": 12,
    },
}
"""From the cheapest to the dearest. Given the same time, longer training beats more search."""


LADDER: tuple[Values, ...] = (
    {
        **EFFORTS["quick"],
        "augment.image_size_limit": 64,
        "search.max_trials": 4,
        "search.epochs": 2,
        "train.epochs": 5,
    },
    EFFORTS["quick"],
    {**EFFORTS["quick"], "train.epochs": 20, "train.patience": 6},
    {**EFFORTS["quick"], "augment.image_size_limit": 128, "train.epochs": 20, "train.patience": 6},
    {**EFFORTS["quick"], "augment.image_size_limit": 160, "train.epochs": 20, "train.patience": 6},
    {**STANDARD, "search.compute": 1.0, "train.epochs": 20, "train.patience": 6},
    {**STANDARD, "search.compute": 1.0, "train.epochs": 40, "train.patience": 12},
    {**STANDARD, "train.epochs": 40, "train.patience": 12},
    EFFORTS["best"],
)
"""What a budget of time chooses among, from the cheapest to the dearest."""


def remember(project: Project, why: str, values: Values) -> None:
    """Note what set these parameters, such as `effort quick`, for whoever asks later."""
    files.write_json(_file(project), {key: [value, why] for key, value in values.items()})


def origin(project: Project, key: str, value: object) -> str:
    """What set a parameter to the value that it has; empty: no effort and no budget did."""
    path = _file(project)
    kept = files.read_json(path) if path.exists() else {}
    was, why = kept.get(key, (None, ""))
    return str(why) if was == value else ""


def _file(project: Project) -> Path:
    return project.private / "effort.json"
