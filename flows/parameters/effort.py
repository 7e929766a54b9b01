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
    "search.strategy": "staged",
    "search.max_trials": 16,
    "search.compute": 1.0,
    "search.epochs": 4,
    "search.subset": 1.0,
    "train.epochs": 24,
}
"""The shipped defaults of all that an effort sets."""
UNSEARCHED: Values = {
    **STANDARD,
    "search.strategy": "baseline",
    "search.epochs": 1,
    "search.subset": 0.25,
}
"""Nothing is searched: what is left of a short job is better spent on its training."""
EFFORTS: dict[Effort, Values] = {
    "quick": {**UNSEARCHED, "augment.image_size_limit": 96, "train.epochs": 12},
    "standard": STANDARD,
    "best": {
        **STANDARD,
        "search.max_trials": 32,
        "search.compute": 2.0,
        "search.epochs": 6,
        "train.epochs": 64,
    },
}
"""From the cheapest to the dearest; of a job that searches about a fifth is that."""


LADDER: tuple[Values, ...] = (
    {**EFFORTS["quick"], "augment.image_size_limit": 64, "train.epochs": 5},
    {**EFFORTS["quick"], "augment.image_size_limit": 64},
    EFFORTS["quick"],
    {**EFFORTS["quick"], "train.epochs": 20},
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
