"""Which class an image belongs to, and which split its source gave it: by its name."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from components.data.kinds import counted, is_hidden
from components.frame.errors import DataError

SPLITS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
}
"""Folder names that mean a split the source came with, in any case, and what each stands for."""
HINTS = {**SPLITS, "eval": "val", "evaluation": "val"}
"""Words in a folder's name that may mean a split."""
WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
PARTS_WITH_CLASS = 2
PARTS_WITH_SPLIT = 3
SHOWN = 5
"""So many folders are named in an error."""

Parts = tuple[str, ...]


@dataclass(frozen=True)
class Place:
    """Where an image stands in its source."""

    name: str
    """Relative to the folder that holds the classes or the splits."""
    label: str
    subset: str | None
    """`train`, `val` or `test` where the source came with a split."""


def places(names: Iterable[str], others: Iterable[str] = ()) -> dict[str, Place]:
    """Read class and split off relative names such as `cat/1.jpg` or `train/cat/1.jpg`.

    A single folder around everything, as archives have it, is passed over.

    Args:
        names: of the images.
        others: of the source's other files and of its folders, which end with `/`.

    Raises:
        DataError: an image lies outside the classes' folders, a class has none, or it is not clear
            what are splits and what are classes.
    """
    full = {name: PurePosixPath(name).parts for name in names}
    inside = _unwrapped(full)
    split = _is_split({parts[0] for parts in inside.values() if len(parts) >= PARTS_WITH_CLASS})
    if not split:
        _check_alone(inside.values())
    needed = PARTS_WITH_SPLIT if split else PARTS_WITH_CLASS
    stray = sorted(name for name, parts in inside.items() if len(parts) < needed)
    if stray:
        raise DataError(
            f"every image must lie in a sub-folder named after its class, but {stray[0]!r} "
            f"does not ({len(stray)} such). Move it, or remove it."
        )
    if not split:
        _check_inner(inside.values())
    found = {name: _place(parts, split=split) for name, parts in inside.items()}
    _check_filled(full, inside, found, list(others), split=split)
    return found


def imageless(names: Iterable[str], others: Iterable[str]) -> list[str]:
    """The outermost folders without any image, each with `/` at its end."""
    held = {"/".join(parts) for name in names for parts in _above(name)}
    empty = {"/".join(parts) for parts in _folders(others)} - held
    return sorted(f"{name}/" for name in empty if name.rpartition("/")[0] not in empty)


def _unwrapped(names: dict[str, Parts]) -> dict[str, Parts]:
    while names:
        tops = {parts[0] for parts in names.values()}
        nested = all(len(parts) > PARTS_WITH_CLASS for parts in names.values())
        if len(tops) > 1 or not nested or next(iter(tops)).casefold() in SPLITS:
            break
        names = {name: parts[1:] for name, parts in names.items()}
    return names


def _is_split(tops: set[str]) -> bool:
    """Whether folders are splits; one word that could mean a split does not make one of classes."""
    hints = {top: hint for top in tops if (hint := _hint(top))}
    if tops and all(top.casefold() in SPLITS for top in tops):
        if "train" in hints.values():
            return True
        raise DataError(
            f"a split needs a folder `train`, but there is only {_some(tops)}. Add it, or if these "
            "are classes, give them other names."
        )
    if len(set(hints.values())) > 1:
        rest = f" and {_some(tops - set(hints))} as classes" if tops - set(hints) else " or classes"
        raise DataError(
            "the folders must be either splits or classes, but "
            f"{_some(hints)} read as splits{rest}. Name splits `train`, `val` and `test` with "
            "nothing but classes in them, and classes otherwise."
        )
    return False


def _check_alone(inside: Iterable[Parts]) -> None:
    """See that no folder that is named as a split is, and holds folders, lies beside classes."""
    held: dict[str, set[str]] = {}
    for top, second, *_ in (parts for parts in inside if len(parts) > PARTS_WITH_CLASS):
        held.setdefault(top, set()).add(second)
    splits = {top for top, folders in held.items() if top.casefold() in SPLITS and len(folders) > 1}
    if splits:
        raise DataError(
            f"the folders must be either splits or classes, but {_some(splits)} reads as a split "
            "of the classes in it, and lies beside others. Name those `train`, `val` and `test`, "
            "or take them out."
        )


def _hint(name: str) -> str | None:
    """The split that a folder's name may mean, as `test` for `Test_set` or `testB`."""
    if name.casefold() in SPLITS:
        return SPLITS[name.casefold()]
    words = (word.casefold() for word in WORDS.findall(name))
    bare = (word.removesuffix("s").removesuffix("set").removesuffix("data") for word in words)
    return next((HINTS[word] for word in bare if word in HINTS), None)


def _check_inner(inside: Iterable[Parts]) -> None:
    """See that no class holds splits of its own: its test images would be trained on."""
    inner = {parts[1] for parts in inside if len(parts) > PARTS_WITH_CLASS}
    splits = {name for name in inner if name.casefold() in SPLITS}
    if len({SPLITS[name.casefold()] for name in splits}) > 1:
        raise DataError(
            f"splits must lie around the classes, as in train/cat, but {_some(splits)} lie in "
            "classes. Move them outwards, or if they are none, give them other names."
        )


def _check_filled(
    full: dict[str, Parts],
    inside: dict[str, Parts],
    found: dict[str, Place],
    others: list[str],
    *,
    split: bool,
) -> None:
    """See that a folder beside the classes holds images: it would be a class that is never learnt.

    Where the source brought a split, one of its splits may lack a class.
    """
    first = next(iter(full), None)
    if first is None:
        return
    around = full[first][: len(full[first]) - len(inside[first])]
    labels = {place.label for place in found.values()}
    for parts in sorted(_folders(others)):
        name = "/".join(parts)
        if parts[: len(around)] == around and _is_class(parts[len(around) :], split=split):
            if parts[-1] in labels:
                continue
            there = counted(o for o in others if o.startswith(f"{name}/") and o[-1] != "/")
            raise DataError(
                f"every class must have images, but the folder {name!r} holds none"
                f"{f' that can be read ({there})' if there else ''}. Bring some, or take the "
                "folder out."
            )


def _is_class(parts: Parts, *, split: bool) -> bool:
    if split:
        return len(parts) == PARTS_WITH_CLASS and parts[0].casefold() in SPLITS
    return len(parts) == 1


def _folders(others: Iterable[str]) -> set[Parts]:
    """Every folder that is named, or in which a file that is named lies."""
    return {parts for name in others if not is_hidden(name) for parts in _above(name)}


def _above(name: str) -> Iterator[Parts]:
    """The folders that a file lies in, or a folder with those that it lies in."""
    parts = PurePosixPath(name).parts
    for number in range(1, len(parts) + name.endswith("/")):
        yield parts[:number]


def _place(parts: Parts, *, split: bool) -> Place:
    if split:
        return Place("/".join(parts), parts[1], SPLITS[parts[0].casefold()])
    return Place("/".join(parts), parts[0], None)


def _some(names: Iterable[str]) -> str:
    ordered = sorted(names)
    rest = len(ordered) - SHOWN
    return f"{', '.join(map(repr, ordered[:SHOWN]))}{f' and {rest} more' if rest > 0 else ''}"
