"""The command `thawline compare`: two models, or runs, side by side.

Parameters and figures are those that MLflow holds of their runs. Images that were won or lost are
those of today's test set that neither model was trained on or chosen by, answered by both.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.frame.errors import UsageError
from flows.gate import champion
from flows.project import Project
from flows.records import identity
from flows.registry import versions
from flows.tracking import stores

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion

    from components.tasks.task import Task
    from flows.tracking.stores import Store

SHOWN = 20
"""So many images that were won or lost are listed; the others are counted."""
LONG = 8
"""Characters that a number takes where nobody reads it to its end."""
LOW, HIGH = "_low", "_high"
TEST = "test_"
NO_IMAGES = "only registered versions can be asked: name both by their number"


@dataclass(frozen=True)
class Side:
    """What a person named."""

    called: str
    run: "Run"
    version: "ModelVersion | None"
    """None: a run whose model was not registered."""


def screen(project: Project, first: str, second: str) -> str:
    """What differs between two versions (`champion`, `3`, `NAME/3`) or runs (by their id).

    Raises:
        UsageError: there is no such version or run.
        DataError: a model is not what was registered.
        UnreachableError: the tracking store is away.
    """
    with stores.opened(project) as store:
        one, other = (_side(project, store, name) for name in (first, second))
        parts = [
            ("Parameters that differ", _parameters(one, other)),
            ("Figures", _figures(project, one, other)),
            ("Images that were won or lost", _changed(project, one, other)),
        ]
        columns = ("", one.called, other.called)
    shown = [f"{heading}\n{_body(columns, rows)}" for heading, rows in parts]
    return "\n\n".join(shown)


def _side(project: Project, store: "Store", text: str) -> Side:
    if run := _run(store, text):
        return Side(run.info.run_name, run, None)
    version = versions.find(store.client, versions.named(project, text))
    return Side(f"version {version.version}", store.client.get_run(version.run_id), version)


def _run(store: "Store", text: str) -> "Run | None":
    """The run of an id, as MLflow's pages show it; None where the text is none."""
    from mlflow.exceptions import MlflowException

    if len(text) != len("0123456789abcdef") * 2 or not text.isalnum():
        return None
    try:
        return store.client.get_run(text)
    except MlflowException as error:
        raise UsageError(f"{text} must be the id of a run, but the store knows none.") from error


def _parameters(one: Side, other: Side) -> list[tuple[str, ...]]:
    old, new = one.run.data.params, other.run.data.params
    names = sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
    return [(name, *_told_apart(old.get(name, "-"), new.get(name, "-"))) for name in names]


def _told_apart(old: str, new: str) -> tuple[str, str]:
    """Two values that differ, with as many digits as that takes: a search draws seventeen."""
    short = _brief(old), _brief(new)
    return short if short[0] != short[1] else (old, new)


def _brief(value: str) -> str:
    """A number with a fraction to four digits; anything else as it is."""
    try:
        return f"{float(value):.4g}" if len(value) > LONG and "." in value else value
    except ValueError:
        return value


def _figures(project: Project, one: Side, other: Side) -> list[tuple[str, ...]]:
    """What both found on their test images, with intervals where they have them."""
    old, new = one.run.data.metrics, other.run.data.metrics
    task = next((champion.learned(project, s.version) for s in (one, other) if s.version), None)
    names = [
        name
        for name in sorted({*old, *new})
        if name.startswith(TEST) and not name.endswith((LOW, HIGH))
    ]
    rows = [(name, _figure(old, name, task), _figure(new, name, task)) for name in names]
    return [(name.removeprefix(TEST), *figures) for name, *figures in rows]


def _figure(metrics: Mapping[str, float], name: str, task: "Task | None") -> str:
    """A score as its task shows it; another figure, and that of a mere run, with four digits."""
    if name not in metrics:
        return "-"
    shown = task.shown if task and name == TEST + task.score_name else "{:.4g}".format
    low, high = metrics.get(name + LOW), metrics.get(name + HIGH)
    ends = "" if low is None or high is None else f" ({shown(low)} to {shown(high)})"
    return f"{shown(metrics[name])}{ends}"


def _changed(project: Project, one: Side, other: Side) -> list[tuple[str, ...]]:
    """The images for which the two have another score: the path, and what each said."""
    if one.version is None or other.version is None:
        return [(NO_IMAGES,)]
    import pandas as pd

    images = pd.read_parquet(identity.built(project, "build/evaluate/predictions.parquet"))
    for version in (one.version, other.version):
        images = champion.fair(project, version, images)
    old, new = (_answers(project, v, images) for v in (one.version, other.version))
    rows = [*_turned(images, old, new)]
    more = [(f"and {len(rows) - SHOWN} more",)] if len(rows) > SHOWN else []
    counted = f"{len(rows)} of {len(images)} images that neither was trained on"
    return [(counted,), *rows[:SHOWN], *more]


@dataclass(frozen=True)
class _Answers:
    """What a model says of images, and how well."""

    scores: list[float]
    said: list[str]


def _answers(project: Project, version: "ModelVersion", images: "pd.DataFrame") -> _Answers:
    task = champion.learned(project, version)
    served = champion.answers(project, version, versions.digest_of(version), images)
    said = served.iloc[:, 0].astype(str).tolist()
    return _Answers(task.grade(served, images["true"]).tolist(), said)


def _turned(images: "pd.DataFrame", old: _Answers, new: _Answers) -> Iterator[tuple[str, ...]]:
    """The images that the second lost come first, then those that it gained."""
    changes = [after - before for before, after in zip(old.scores, new.scores, strict=True)]
    for index in sorted(range(len(changes)), key=lambda index: (changes[index], index)):
        if changes[index]:
            what = "lost" if changes[index] < 0 else "gained"
            path = f"{what}  {images['path'].iloc[index]} ({images['true'].iloc[index]})"
            yield path, old.said[index], new.said[index]


def _body(columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Rows below their headings, in columns; a row of one cell is a line."""
    table = [columns, *(row for row in rows if len(row) == len(columns))]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    if len(table) == 1:
        return "\n".join(f"  {row[0]}" for row in rows) or "  none"
    lines = [_line(columns, widths)]
    lines += [_line(row, widths) if len(row) > 1 else f"  {row[0]}" for row in rows]
    return "\n".join(lines)


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
    return f"  {'  '.join(cells)}".rstrip()
