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
    "search.compute": 1.0,
    "search.epochs": 4,
    "train.epochs": 24,
}
"""The shipped defaults of all that an effort sets."""
EFFORTS: dict[Effort, Values] = {
    "quick": {
        **STANDARD,
        "augment.image_size_limit": 96,
        "search.max_trials": 8,
        "search.epochs": 2,
        "train.epochs": 10,
    },
    "standard": STANDARD,
    "best": {
        **STANDARD,
        "search.max_trials": 32,
        "search.compute": 2.0,
        "search.epochs": 6,
        "train.epochs": 64,
    },
}
"""From the cheapest to the dearest; of each job about a fifth is the search, the rest training."""


LADDER: tuple[Values, ...] = (
    {**EFFORTS["quick"], "augment.image_size_limit": 64, "train.epochs": 5},
    EFFORTS["quick"],
    {**EFFORTS["quick"], "search.epochs": 3, "train.epochs": 16},
    {**STANDARD, "augment.image_size_limit": 96},
    {**STANDARD, "augment.image_size_limit": 128},
    {**STANDARD, "augment.image_size_limit": 160},
    STANDARD,
    {**STANDARD, "search.epochs": 6, "train.epochs": 40},
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
