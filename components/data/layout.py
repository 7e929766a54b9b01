"""Which class an image belongs to, and which split its source gave it: by its name."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from components.frame.errors import DataError

SPLITS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
"""Folder names that mean a split the source came with, and the one each stands for."""
PARTS_WITH_CLASS = 2
PARTS_WITH_SPLIT = 3


@dataclass(frozen=True)
class Place:
    """Where an image stands in its source."""

    name: str
    """Relative to the folder that holds the classes or the splits."""
    label: str
    subset: str | None
    """`train`, `val` or `test` where the source came with a split."""


def places(names: Iterable[str]) -> dict[str, Place]:
    """Read class and split off relative names such as `cat/1.jpg` or `train/cat/1.jpg`.

    A single folder around everything, as archives have it, is passed over.

    Raises:
        DataError: an image lies outside the classes' folders, or splits and classes are mixed.
    """
    full = {name: PurePosixPath(name).parts for name in names}
    inside = _unwrapped(full)
    tops = {parts[0] for parts in inside.values() if len(parts) >= PARTS_WITH_CLASS}
    split = _is_split(tops)
    needed = PARTS_WITH_SPLIT if split else PARTS_WITH_CLASS
    stray = sorted(name for name, parts in inside.items() if len(parts) < needed)
    if stray:
        raise DataError(
            f"every image must lie in a sub-folder named after its class, but {stray[0]!r} "
            f"does not ({len(stray)} such). Move it, or remove it."
        )
    return {name: _place(parts, split=split) for name, parts in inside.items()}


def _unwrapped(names: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    while names:
        tops = {parts[0] for parts in names.values()}
        nested = all(len(parts) > PARTS_WITH_CLASS for parts in names.values())
        if len(tops) > 1 or not nested or next(iter(tops)).lower() in SPLITS:
            break
        names = {name: parts[1:] for name, parts in names.items()}
    return names


def _is_split(tops: set[str]) -> bool:
    splits = {top for top in tops if top.lower() in SPLITS}
    given = {SPLITS[split.lower()] for split in splits}
    if "train" not in given and splits != tops:
        return False
    if splits == tops:
        if tops and "train" not in given:
            raise DataError(f"a split needs a folder `train`, but there is only {sorted(tops)}.")
        return bool(tops)
    if len(given) > 1:
        raise DataError(
            f"the folders must be either splits or classes, but {sorted(splits)} are "
            f"splits and {sorted(tops - splits)[:5]} are not. Move the classes into `train`."
        )
    return False


def _place(parts: tuple[str, ...], *, split: bool) -> Place:
    if split:
        return Place("/".join(parts), parts[1], SPLITS[parts[0].lower()])
    return Place("/".join(parts), parts[0], None)
