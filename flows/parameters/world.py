"""What parameters name in the world: whether it is there, before anything is written or begun."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import chdir
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from components.data.images.pipeline_pin import POLICIES, pipeline_pin
from components.data.layout import places
from components.data.source import DIGITS, open_source
from components.frame.apart import require_apart
from components.frame.effects import NoEffect
from components.frame.errors import DataError, UsageError
from components.model.weights.pin import SOURCES
from components.model.weights.place import file_of
from components.search import SearchParams
from components.tasks.names import task_names
from flows.parameters.architectures import architectures
from flows.project import Project

AUTO = "auto"
NEAR = 4
"""So many near names are told."""
DEPTH = 3
"""Folders that a source's splits and classes may lie deep."""
LARGEST_HEADER = 10**8
"""Bytes of a safetensors file's description of itself, by its format."""

NO_EFFECT = (
    NoEffect(
        parameter="split.test_fraction",
        beside="ingest.source",
        holds=lambda _, source: "test" in brought(source),
        why="the source brings its own test split",
        remedy="ingest.source to one without",
    ),
    NoEffect(
        parameter="split.val_fraction",
        beside="ingest.source",
        holds=lambda _, source: "val" in brought(source),
        why="the source brings its own validation split",
        remedy="ingest.source to one without",
    ),
    NoEffect(
        parameter="ingest.max_unpacked_gib",
        beside="ingest.source",
        holds=lambda _, source: source == DIGITS or Path(source).is_dir(),
        why="only an archive is unpacked",
        remedy="ingest.source to an archive",
    ),
)
"""Parameters that what lies at a path makes void; relative paths start at the present folder."""


def faults(project: Project, values: Mapping[str, Any]) -> Iterator[str]:
    """A sentence for everything that is named and is not there.

    Args:
        project: relative paths start at its folder.
        values: by their names, such as `ingest.source`; what is missing is not looked at.
    """
    with chdir(project.root):
        for look in (_images, _weights, _task, _policy, _optimizers):
            try:
                look(project.root, values)
            except (DataError, UsageError) as error:
                yield str(error)


def brought(source: str) -> set[str]:
    """The splits that a folder of images comes with; of an archive it is not looked at."""
    try:
        found = places(f"{folder}/1.jpg" for folder in _folders(source))
    except DataError:  # told by what reads the images
        return set()
    return {place.subset for place in found.values() if place.subset}


def _images(root: Path, values: Mapping[str, Any]) -> None:
    source = values.get("ingest.source", DIGITS)
    if source != DIGITS:
        require_apart("ingest.source", source, root)
    open_source(source)


def _weights(root: Path, values: Mapping[str, Any]) -> None:
    source, name = values.get("base.source"), values.get("base.architecture", AUTO)
    if source is None:
        return
    stated = None
    if source not in SOURCES:
        require_apart("base.source", source, root)
        stated = _stated_architecture(file_of(source))
    if name not in (AUTO, stated):
        _check_architecture(name, hub=source == "hub")
    if source == "hub" and name == AUTO:
        raise UsageError(
            "base.architecture must be named beside base.source=hub, but is `auto`. Choose one of: "
            "thawline models"
        )
    if source not in SOURCES:
        _check_stated(source, name, stated)


def _check_stated(source: str, name: str, stated: str | None) -> None:
    if name == AUTO and stated is None:
        raise UsageError(
            f"base.architecture must be named, since {source} does not state the one it is for. "
            "Name it: --set base.architecture=NAME, as thawline models lists them"
        )
    if stated is not None and name not in (AUTO, stated):
        raise UsageError(
            f"base.architecture must be `auto` or {stated!r}, which {source} holds, but is "
            f"{name!r}. Take that back: thawline params --reset base.architecture, or name other "
            "weights: --set base.source=PATH"
        )


def _check_architecture(name: str, *, hub: bool) -> None:
    """See that Thawline can train a network, and that the hub has the weights where it is asked."""
    bare, dot, tag = name.partition(".")
    known = architectures().get(bare)
    if known is None:
        near = get_close_matches(bare, architectures(), n=NEAR, cutoff=0.6)
        hint = f"Near are: {', '.join(near)}." if near else "See: thawline models"
        raise UsageError(
            f"base.architecture must be a network that timm has and Thawline can train, but "
            f"{name!r} is none. {hint}"
        )
    if dot and not hub:
        raise UsageError(
            f"base.architecture must be without a tag where base.source is not hub, but is "
            f"{name!r}. Set base.source=hub, or base.architecture={bare}"
        )
    if hub and (not known.tags or (dot and tag not in known.tags.split())):
        there = ", ".join(f"{bare}.{one}" for one in known.tags.split()) or "none"
        raise UsageError(
            f"base.architecture must have weights on the hub beside base.source=hub, but {name!r} "
            f"has none there; of this network there are: {there}."
        )


def _task(_root: Path, values: Mapping[str, Any]) -> None:
    task, known = values.get("augment.task"), task_names()
    if task is not None and task not in known:
        raise UsageError(f"augment.task must be one of {', '.join(known)}, but is {task!r}.")


def _optimizers(_root: Path, values: Mapping[str, Any]) -> None:
    names, momenta = values.get("search.optimizer"), values.get("search.momentum")
    plain = SearchParams()
    if names is None or momenta is None or (names, momenta) == (plain.optimizer, plain.momentum):
        return
    from components.training.optimizers import require_optimizers  # seconds, for what is seldom

    require_optimizers(names, momenta)


def _policy(root: Path, values: Mapping[str, Any]) -> None:
    policy = values.get("augment.policy", POLICIES[0])
    if policy not in POLICIES:
        require_apart("augment.policy", policy, root)
    pipeline_pin(policy)


def _stated_architecture(path: Path) -> str | None:
    """What a safetensors file says that it is for; None: it says nothing, or is of another kind."""
    if path.suffix != ".safetensors":
        return None
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        try:
            stated = json.loads(file.read(min(length, LARGEST_HEADER))).get("__metadata__", {})
        except (ValueError, AttributeError, RecursionError):  # told by what reads the weights
            return None
    name = stated.get("arch") if isinstance(stated, dict) else None
    return name if isinstance(name, str) else None


def _folders(source: str) -> Iterator[str]:
    """The folders that hold no folder, or lie as deep as classes can."""
    top = Path(source)
    for parent, folders, _ in os.walk(top):
        depth = len(Path(parent).relative_to(top).parts)
        folders[:] = [name for name in folders if depth < DEPTH and not name.startswith(".")]
        if depth and not folders:
            yield Path(parent).relative_to(top).as_posix()
