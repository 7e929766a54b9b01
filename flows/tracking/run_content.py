"""What MLflow should hold of a run: plain values, before MLflow is asked anything."""

import csv
import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CURVES = ("validation_score", "validation_loss", "train_score", "train_loss", "learning_rate")
"""What every fit tells per epoch: the same names for the final training and for each trial.

MLflow's comparison opens on the first that a run was given.
"""
SCORES = frozenset(
    {"train_score", "validation_score", "validation_score_error", "best_validation_score"}
)
"""Names that MLflow shows with the task's own word for the score."""
PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./ ")
LONGEST_NAME = 250
LONGEST_VALUE = 6000
MILLISECONDS = 1000


@dataclass(frozen=True)
class MetricPoint:
    """One value of a metric; without events its time is unknown (None)."""

    key: str
    value: float
    step: int
    at: int | None
    """Milliseconds since 1970."""


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """The images of one split."""

    name: str
    digest: str
    context: str
    source: str
    schema: str
    profile: str


@dataclass(frozen=True, kw_only=True)
class RunContent:
    """All that one MLflow run should hold."""

    name: str
    status: str
    started: int | None
    """Milliseconds since 1970; None where no event tells."""
    ended: int | None
    params: Mapping[str, str]
    tags: Mapping[str, str]
    points: tuple[MetricPoint, ...]
    files: Mapping[str, Path] = field(default_factory=dict)
    """Artifacts by their paths in the run."""
    datasets: tuple[Dataset, ...] = ()


@dataclass(frozen=True)
class TrialContent:
    """What a search tells of one trial, and what its run should hold."""

    number: int
    content: RunContent


def safe(name: str) -> str:
    """A name that MLflow takes for a metric; different names stay different.

    Characters beyond letters, digits and `_-. ` become `_x` and their code in hexadecimal and `_`;
    so does what would read as that, or as a path elsewhere.
    """
    masked = name.replace("_x", "_x5f_x")
    text = "".join(c if c in PLAIN else f"_x{ord(c):x}_" for c in masked)
    parts = [part if part.strip(".") else part.replace(".", "_x2e_") for part in text.split("/")]
    joined = "/".join(part or "_x_" for part in parts)
    if len(joined) <= LONGEST_NAME:
        return joined
    return f"{joined[:150]}_{hashlib.sha256(joined.encode()).hexdigest()}"


def named(values: Mapping[str, Any], score_name: str) -> dict[str, Any]:
    """Figures by the names that MLflow shows: `validation_accuracy` for `validation_score`."""
    return {
        key.replace("score", score_name) if key in SCORES else key: value
        for key, value in values.items()
    }


def points_of(values: Mapping[str, Any], at: int | None, step: int = 0) -> list[MetricPoint]:
    """A point for every finite number among `values`; MLflow would bring back inf as 1.8e308."""
    return [
        MetricPoint(safe(key), float(value), step, at)
        for key, value in values.items()
        if isinstance(value, int | float) and math.isfinite(value)
    ]


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one, keys joined by dots."""
    result: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            result |= flat(value, f"{prefix}{key}.")
        else:
            result[f"{prefix}{key}"] = value
    return result


def text(value: object) -> str:
    """A parameter's value as MLflow keeps it."""
    written = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return written[:LONGEST_VALUE]


def rows(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def number(cell: str) -> float | None:
    """The finite number in a cell of a CSV file."""
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def milliseconds(at: float) -> int:
    """Seconds since 1970 as MLflow counts time."""
    return int(at * MILLISECONDS)


def curve_points(
    table: Iterable[Mapping[str, str]], times: Mapping[int, int], score_name: str
) -> list[MetricPoint]:
    """The points of a table with one row an epoch; `times` tells when each epoch ended."""
    points = []
    for row in table:
        epoch = int(row["epoch"])
        values = {key: number(row[key]) for key in CURVES if key in row}
        points += points_of(named(values, score_name), times.get(epoch), epoch)
    return points
