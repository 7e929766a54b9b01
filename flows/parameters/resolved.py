"""The command `thawline params --resolved`: what is in force, and where each value comes from."""

import csv
import json
import textwrap
from collections.abc import Callable, Mapping

from components.frame import files
from components.frame.errors import UsageError
from flows.parameters import effort
from flows.parameters.listing import WIDTH, Parameter, shown
from flows.project import Project
from flows.tracking import under_way

Resolve = Callable[[Project], tuple[object, str]]
"""What a stage made of a word such as `auto`, and the file that says so."""
NOT_YET = "open until `{stage}` has run"


def _size(project: Project) -> tuple[object, str]:
    path = project.build / "augment" / "augmentation.json"
    return files.read_json(path)["evaluation"]["size"], project.relative(path)


def _architecture(project: Project) -> tuple[object, str]:
    path = project.build / "base" / "config.json"
    return files.read_json(path)["architecture"], project.relative(path)


def _highest(project: Project) -> tuple[object, str]:
    path = project.build / "search" / "freeze_depths.csv"
    with path.open(encoding="utf-8", newline="") as file:
        *_, last = csv.DictReader(file)
    return f"{last['freeze_depth']} ({last['layer']})", project.relative(path)


def _batch(project: Project) -> tuple[object, str]:
    path = project.build / "search" / "best.yaml"
    return files.read_yaml(path)["batch_size"], project.relative(path)


def _mirrored(project: Project) -> tuple[object, str]:
    path = project.build / "augment" / "augmentation.json"
    return files.read_json(path)["mirrored"], project.relative(path)


def _rate(end: str) -> Resolve:
    """An end of the range that was searched."""

    def resolve(project: Project) -> tuple[object, str]:
        path = project.build / "search" / "summary.json"
        return files.read_json(path)["learning_rates"][end], project.relative(path)

    return resolve


def _told(stage: str, field: str) -> Resolve:
    """What a stage told of the device that it found."""

    def resolve(project: Project) -> tuple[object, str]:
        told = under_way.stage(project, stage).events
        found = next(one[field] for one in reversed(told) if one["kind"] == "device")
        return found, f"{stage}, when it last ran"

    return resolve


WORDS: Mapping[str, tuple[str, str, Resolve]] = {
    "augment.image_size": ("auto", "augment", _size),
    "augment.horizontal_flip": ("auto", "augment", _mirrored),
    "base.architecture": ("auto", "base", _architecture),
    "search.batch_size": ("auto", "search", _batch),
    **{f"search.learning_rate.{end}": ("auto", "search", _rate(end)) for end in ("low", "high")},
    **{
        f"{stage}.{name}": ("auto", stage, _told(stage, name))
        for stage in ("search", "train")
        for name in ("device", "precision")
    },
    "search.freeze_depth.low": ("head", "search", _highest),
    "search.freeze_depth.high": ("head", "search", _highest),
}
"""By parameter: the word, the stage that resolves it, and how it is read."""


def as_json(project: Project, found: list[Parameter]) -> str:
    """A list of objects: value, what it stands for (null: itself), and where each comes from."""
    rows = []
    for one in found:
        stands_for, by = resolution(project, one)
        rows.append(
            {
                "key": one.key,
                "value": one.value,
                "from": origin(project, one),
                "resolved": stands_for,
                "by": by,
            }
        )
    return json.dumps(rows, indent=2, ensure_ascii=False)


def origin(project: Project, one: Parameter) -> str:
    """What gave a parameter its value."""
    why = effort.origin(project, one.key, one.value)
    return why or ("set by you" if one.changed else "default")


def resolution(project: Project, one: Parameter) -> tuple[object, str]:
    """What a word such as `auto` became, and by what; nothing for what stands for itself."""
    word, stage, resolve = WORDS.get(one.key, (None, "", None))
    if resolve is None or one.value != word:
        return None, ""
    try:
        return resolve(project)
    except (FileNotFoundError, KeyError, StopIteration, UsageError, ValueError):
        return None, NOT_YET.format(stage=stage)


def screen(project: Project, found: list[Parameter]) -> str:
    """A line for each, below each other."""
    width = max(len(one.key) for one in found)
    lines = [line for one in found for line in _lines(project, one, width)]
    return "\n".join(lines)


def _lines(project: Project, one: Parameter, width: int) -> list[str]:
    stands_for, by = resolution(project, one)
    became = "" if stands_for is None else f" -> {shown(stands_for)}"
    origins = "; ".join(filter(None, [origin(project, one), by]))
    text = f"{one.key:<{width}}  {shown(one.value)}{became}  ({origins})"
    return textwrap.wrap(text, WIDTH + width, subsequent_indent=" " * (width + 4))
