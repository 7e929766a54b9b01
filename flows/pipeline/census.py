"""How many images a source has, and how large they are, by a look at a few of them."""

from collections.abc import Iterator
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from components.data.folder import walk
from components.data.kinds import SUFFIXES, ending
from components.data.naming import ENDINGS
from components.data.source import DIGITS
from components.data.unpacking import members
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


def take(project: Project, source: str) -> Census:
    """Count the images of `ingest.source`, by their endings."""
    if source == DIGITS:
        return Census(*DIGITS_THERE)
    with chdir(project.root):
        path = Path(source).expanduser()
        return _of_archive(path) if path.name.lower().endswith(ENDINGS) else _of_folder(path)


def _of_folder(folder: Path) -> Census:
    found = [one.path for one in walk(folder) if one.plain and ending(one.name) in SUFFIXES]
    chosen = found[:: max(1, len(found) // LOOKED_AT)]
    return Census(len(found), _side(path.read_bytes() for path in chosen))


def _of_archive(path: Path) -> Census:
    number, contents = 0, list[bytes]()
    for member in members(path):
        if member.kind != "file" or ending(member.name) not in SUFFIXES:
            continue
        number += 1
        if len(contents) < LOOKED_AT:
            with member.open() as file:
                contents.append(file.read())
    return Census(number, _side(iter(contents)))


def _side(contents: Iterator[bytes]) -> int:
    from components.data.images.costs import UnreadableImageError
    from components.data.images.decoder import header

    sides = []
    for content in contents:
        try:
            sides.append(min(header(content)[:2]))
        except UnreadableImageError:
            continue
    return int(median(sides)) if sides else 0
