"""Which files a person means who names files and folders, and in which portions they are read."""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from components.data.folder import Found, head, walk
from components.data.kinds import LARGEST_FILE, SUFFIXES, counted, ending, is_hidden, is_image
from components.frame.errors import UsageError
from flows.serving.worker import PORTION

PORTION_BYTES = 64_000_000
"""Bytes of the files of a portion, unless a single one is larger."""
DIGITS = re.compile(r"(\d+)")


@dataclass(frozen=True)
class ImageFile:
    """A file that may be an image."""

    shown: str
    """Its path as the person began to write it."""
    path: Path


def find(named: Iterable[str], start: Path) -> list[ImageFile]:
    """The images that files and folders name, each once; `start` is where relative paths begin.

    A file is taken whatever it is called; in a folder the images, as `ingest` finds them, in
    natural order (`img2` before `img10`). Links in a folder are found, to be told, but never
    followed.

    Raises:
        UsageError: one of them does not exist.
        DataError: a folder cannot be read.
    """
    given = _given(named, start)
    lost = [name for name, path in given.items() if not os.path.exists(path)]  # noqa: PTH110  # False, too, where no disk could have such a name
    if lost:
        raise UsageError(
            f"Files or folders that exist must be named, but there is no {', '.join(lost)}."
        )
    images: dict[Path, ImageFile] = {}
    for name, path in given.items():
        for inside in _inside(path) if path.is_dir() else [""]:
            shown = os.path.join(name, inside) if inside else name  # noqa: PTH118  # keeps `./`
            images.setdefault((path / inside).absolute(), ImageFile(shown, path / inside))
    return list(images.values())


def passed_over(named: Iterable[str], start: Path) -> str:
    """How many files of which endings the folders hold beside images; empty: none."""
    folders = [path for path in _given(named, start).values() if path.is_dir()]
    names = (found.name for path in folders for found in walk(path) if not _is_wanted(found))
    return counted(name for name in names if is_hidden(name) or not name.endswith("/"))


def fault(image: ImageFile, named: Sequence[str]) -> str | None:
    """Why an image is not even opened; None: it is."""
    if image.path.is_symlink() and image.shown not in named:
        return "links in a folder are not followed; name it itself"
    try:
        size = image.path.stat().st_size
    except OSError as error:
        return error.strerror or str(error)
    if not image.path.is_file():
        return "no plain file"
    return f"{size:,} bytes, over {LARGEST_FILE:,}" if size > LARGEST_FILE else None


def portions(images: Iterable[ImageFile]) -> Iterator[list[ImageFile]]:
    """The images in their order, so many at a time that memory stays bounded."""
    portion: list[ImageFile] = []
    held = 0
    for image in images:
        size = _size(image.path)
        if portion and (len(portion) == PORTION or held + size > PORTION_BYTES):
            yield portion
            portion, held = [], 0
        portion.append(image)
        held += size
    if portion:
        yield portion


def natural(text: str) -> list[tuple[int, int, str]]:
    """A key that sorts numbers in names by their value."""
    parts = DIGITS.split(text)
    return [(0, int(part), part) if part.isdecimal() else (1, 0, part) for part in parts if part]


def _given(named: Iterable[str], start: Path) -> dict[str, Path]:
    return {name: start / os.path.expanduser(name) for name in named}  # noqa: PTH111  # without an error where there is no such user


def _inside(folder: Path) -> list[str]:
    """The relative names of the images below a folder."""
    images = [found.name for found in walk(folder) if _is_wanted(found)]
    return sorted(images, key=lambda name: [natural(part) for part in name.split("/")])


def _is_wanted(found: Found) -> bool:
    """Whether it is an image, or a link or pipe that is called one, which is told."""
    if not found.plain:
        return not is_hidden(found.name) and ending(found.name) in SUFFIXES
    return not found.name.endswith("/") and is_image(found.name, partial(head, found.path))


def _size(path: Path) -> int:
    """Bytes of a file; one that is just gone has none, and is told when it is read."""
    try:
        return path.stat().st_size
    except OSError:
        return 0
