"""A folder of images: what lies in it, without following links."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from components.data.entry import (
    MOST_ENTRIES,
    MOST_LEVELS,
    Entry,
    Hasher,
    digest,
    fingerprint_of,
    no_images,
    relative,
    shown,
    unreadable,
)
from components.data.kinds import HEAD, LARGEST_FILE, is_hidden, is_image, is_leftover
from components.frame import files
from components.frame.errors import DataError

SHOWN = 5
"""So many examples are named in an error."""


@dataclass(frozen=True)
class Found:
    """A file or folder below another."""

    name: str
    """Relative, with `/`; a folder's ends with it."""
    path: Path
    plain: bool
    """A file or folder; otherwise a link, a pipe or a device."""


class Folder:
    """A folder of the user's own; links and files of other kinds are named, never followed."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def fingerprint(self, hasher: Hasher = files.sha256) -> str:
        """Over the names and contents of the images, and the names alone of all else.

        What is no image is told when images are brought in, so more of it is a change.
        """
        images, others = self.listed()
        named = [(name, digest(path, hasher)) for name, path in images]
        return fingerprint_of([*named, *((name, "") for name in others if not is_hidden(name))])

    def entries(self) -> Iterator[Entry]:
        """What is no image, then every image, both sorted by name."""
        images, others = self.listed()
        for name in others:
            yield Entry(name, None)
        for name, path in images:
            yield Entry(name, whole(path))

    def listed(self) -> tuple[list[tuple[str, Path]], list[str]]:
        """The images, and the names of the other files and of folders that hold no image.

        Raises:
            DataError: there is none, or something that cannot be taken as it is.
        """
        images: list[tuple[str, Path]] = []
        others: list[str] = []
        strange: list[str] = []
        for found in walk(self.path):
            name = relative(self.path, found.name) + "/" * found.name.endswith("/")
            if not found.plain:
                strange.append(name)
            elif not name.endswith("/") and is_image(name, partial(head, found.path)):
                images.append((name, found.path))
            else:
                others.append(name)
        if strange:
            raise DataError(
                f"{self.path}: links, pipes and devices are not taken for images, but there are "
                f"{_some(strange)}. Put the images themselves there, or remove these."
            )
        if not images:
            raise no_images(self.path, others)
        held = {name[: at + 1] for name, _ in images for at, sign in enumerate(name) if sign == "/"}
        return sorted(images), sorted(name for name in others if name not in held)


def walk(folder: Path) -> Iterator[Found]:
    """Everything below `folder` but what systems left there; nothing in links and hidden folders.

    Raises:
        DataError: a folder cannot be read, there are too many, or they lie too deep.
    """
    waiting, number = [""], 0
    while waiting:
        inside = waiting.pop()
        for entry in _scanned(folder / inside):
            number += 1
            is_folder = entry.is_dir(follow_symlinks=False)
            plain = is_folder or entry.is_file(follow_symlinks=False)
            found = Found(
                inside + entry.name + "/" * is_folder, folder / inside / entry.name, plain
            )
            _check_size(folder, found.name, number)
            yield found
            if is_folder and not is_hidden(entry.name):
                waiting.append(found.name)


def head(path: Path) -> bytes:
    """The first bytes of a file, which tell what it is.

    Raises:
        DataError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(HEAD)
    except OSError as error:
        raise unreadable(path, error) from error


def whole(path: Path) -> bytes:
    """What an image file holds.

    Raises:
        DataError: it cannot be read, or is too large.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise unreadable(path, error) from error
    if len(content) > LARGEST_FILE:
        raise DataError(
            f"an image may have {LARGEST_FILE:,} bytes at most, but {path} has more. Make it "
            "smaller, or take it out."
        )
    return content


def _scanned(folder: Path) -> list["os.DirEntry[str]"]:
    try:
        with os.scandir(folder) as entries:
            kept = [entry for entry in entries if not is_leftover(entry.name)]
    except OSError as error:
        raise unreadable(folder, error) from error
    return sorted(kept, key=lambda entry: entry.name)


def _check_size(folder: Path, name: str, number: int) -> None:
    if name.rstrip("/").count("/") >= MOST_LEVELS:
        raise DataError(
            f"{folder}: folders may lie in each other {MOST_LEVELS} deep at most, but there is "
            f"{shown(name)}. Move what lies deeper."
        )
    if number > MOST_ENTRIES:
        raise DataError(
            f"{folder} may hold {MOST_ENTRIES:,} files and folders at most, but holds more. Take "
            "some out."
        )


def _some(names: list[str]) -> str:
    told = ", ".join(sorted(names)[:SHOWN])
    rest = len(names) - SHOWN
    return f"{told} and {rest} more" if rest > 0 else told
