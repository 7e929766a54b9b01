"""How many images a source has, and how large they are, by a look at a few of them."""

from collections.abc import Iterable, Mapping
from contextlib import chdir
from dataclasses import dataclass
from statistics import median
from typing import Any

from components.data.folder import Folder, whole
from components.data.source import DIGITS, Source, open_source
from flows.project import Project

LOOKED_AT = 24
"""Images whose size is looked at."""
DIGITS_THERE = (1797, 8)


@dataclass(frozen=True)
class Census:
    """What there is to train on."""

    images: int
    side: int
    """Their short side, pixels: the median."""


def take(project: Project, values: Mapping[str, Any]) -> Census:
    """Count the images that `ingest` would bring, by the values of its parameters.

    Raises:
        ThawlineError: it could bring none.
    """
    source = values["ingest.source"]
    if source == DIGITS:
        return Census(*DIGITS_THERE)
    with chdir(project.root):
        opened = open_source(source, max_unpacked_gib=values["ingest.max_unpacked_gib"])
        return _of_folder(opened) if isinstance(opened, Folder) else _of_archive(opened)


def _of_folder(folder: Folder) -> Census:
    found = [path for _, path in folder.listed()[0]]
    chosen = found[:: max(1, len(found) // LOOKED_AT)]
    return Census(len(found), _middle(_side(whole(path)) for path in chosen))


def _of_archive(archive: Source) -> Census:
    number, sides = 0, list[int | None]()
    for entry in archive.entries():
        if entry.content is None:
            continue
        number += 1
        if len(sides) < LOOKED_AT:
            sides.append(_side(entry.content))
    return Census(number, _middle(sides))


def _side(content: bytes) -> int | None:
    """The short side of an image; None: it cannot be read."""
    from components.data.images.costs import UnreadableImageError
    from components.data.images.decoder import header

    try:
        return min(header(content)[:2])
    except UnreadableImageError:
        return None


def _middle(sides: Iterable[int | None]) -> int:
    known = [side for side in sides if side is not None]
    return int(median(known)) if known else 0
