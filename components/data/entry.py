"""What a source is made of: its entries, what their names may be, and a digest over them."""

import errno
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from components.data.kinds import counted
from components.frame import files
from components.frame.errors import DataError

MOST_ENTRIES = 2_000_000
"""Files and folders of a source."""
MOST_LEVELS = 64
"""Folders within each other, the file among them."""
LONGEST_NAME = 255
"""Bytes of a file's or a folder's own name, as nearly every disk has it."""
SHOWN = 120
"""So many characters of a name are shown in an error."""

Hasher = Callable[[Path], str]
"""SHA-256 of a file's content; `thawline sync` passes one that remembers."""


@dataclass(frozen=True)
class Entry:
    """A file or a folder of a source."""

    name: str
    """Relative, with `/`; a folder's ends with it."""
    content: bytes | None
    """Of an image; None: it is none."""


def relative(source: Path, name: str) -> str:
    """The name of an entry without `./` and doubled `/`.

    Raises:
        DataError: no disk could keep it, or nothing that is written could name it.
    """
    parts = PurePosixPath(name).parts
    if len(parts) > MOST_LEVELS:
        rule = f"folders may lie in each other {MOST_LEVELS} deep at most"
    elif not _is_text(name):
        rule = "names must be UTF-8 without NUL"
    elif any(len(part.encode()) > LONGEST_NAME for part in parts):
        rule = f"a name may have {LONGEST_NAME} bytes at most"
    else:
        return "/".join(parts)
    raise DataError(f"{source}: {rule}, but there is {shown(name)}. Give it another name.")


def fingerprint_of(named: Iterable[tuple[str, str]]) -> str:
    """SHA-256 over names and their contents' SHA-256, sorted by name."""
    state = hashlib.sha256()
    for name, content in sorted(named):
        state.update(f"{name}\0{content}\n".encode())
    return state.hexdigest()


def digest(path: Path, hasher: Hasher = files.sha256) -> str:
    """SHA-256 of a person's file.

    Raises:
        DataError: it cannot be read.
    """
    try:
        return hasher(path)
    except OSError as error:
        raise unreadable(path, error) from error


def unreadable(path: Path | str, error: OSError) -> DataError:
    """What is said of a person's file or folder that cannot be read."""
    name = shown(str(path))
    long = error.errno == errno.ENAMETOOLONG
    remedy = "Give it a shorter name." if long else "Allow it (chmod u+rX), or bring it back."
    return DataError(f"{name} must be readable ({error.strerror}). {remedy}")


def no_images(source: Path, others: Iterable[str]) -> DataError:
    """What is said of a source that holds none, with what it holds instead."""
    found = counted(name for name in others if not name.endswith("/"))
    return DataError(
        f"no images in {source}{f' (but {found})' if found else ''}. Bring files that are JPEG, "
        "PNG, BMP, GIF, PPM, TIFF or WebP."
    )


def shown(name: str) -> str:
    """A name as an error shows it: in quotes, odd bytes as escapes, its middle left out."""
    half = SHOWN // 2
    return repr(name if len(name) <= SHOWN else f"{name[:half]}…{name[-half:]}")


def _is_text(name: str) -> bool:
    try:
        return b"\0" not in name.encode()
    except UnicodeEncodeError:
        return False
