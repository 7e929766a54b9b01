"""Which files are images, which ones a system left behind, and how what is no image is told."""

import mimetypes
import re
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import PurePosixPath

SUFFIXES = frozenset(
    {
        *(".apng", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff"),
        *(".jfif", ".jpe", ".jpeg", ".jpg"),
        *(".pbm", ".pfm", ".pgm", ".pnm", ".ppm"),
    }
)
"""Endings of the formats that the decoder reads: such a file is an image, or a broken one."""
LARGEST_FILE = 100_000_000
"""Bytes of an image file, here and where a registered model answers."""
LEFTOVERS = frozenset(
    {
        *("@eadir", "@__thumb", "#recycle", "@recycle", "#snapshot", "@recently-snapshot"),
        *("$recycle.bin", "system volume information", "thumbs.db", "ehthumbs.db", "desktop.ini"),
        *("__macosx", ".ds_store", "icon\r", "network trash folder", "temporary items"),
        *("lost+found", "lost.dir", "found.000", "__pycache__", ".ipynb_checkpoints"),
    }
)
"""Folders and files that systems, not people, make, in lower case: as if they were not there."""
MAC_TWIN = "._"
"""Begins the name of what a Mac keeps beside each file on a foreign disk."""
HEAD = 32
"""So many bytes from its beginning tell what a file is."""
BEGINNINGS = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|GIF8[79]a|RIFF.{4}WEBP|P[1-6]\s+[\d#]"
    rb"|BM.{10}\x00\x00[\x0c\x10\x28\x34\x38\x40\x6c\x7c]\x00\x00\x00",
    re.DOTALL,
)
TIFF = re.compile(rb"II\*\x00|MM\x00\*")
"""So begin, with endings of their own, also raw photographs, which the decoder does not read."""
OTHERS = mimetypes.MimeTypes().types_map[True]
"""What an ending that is known means; Python's own table, whatever the system adds."""
SHOWN = 10
"""So many endings are told one by one."""


def is_image(name: str, head: Callable[[], bytes]) -> bool:
    """Whether a file is taken for an image: by its ending, or where that says nothing by content.

    Args:
        name: relative, with `/`.
        head: gives the first `HEAD` bytes; asked only where the name does not decide.
    """
    suffix = ending(name)
    if is_hidden(name) or suffix in SUFFIXES:
        return not is_hidden(name)
    if not OTHERS.get(suffix, "image/").startswith("image/"):
        return False
    begin = head()
    return bool(BEGINNINGS.match(begin)) or (not suffix and bool(TIFF.match(begin)))


def is_leftover(name: str) -> bool:
    """Whether a system made the file, or a folder that it lies in."""
    return any(
        part.casefold() in LEFTOVERS or part.startswith(MAC_TWIN) for part in name.split("/")
    )


def is_hidden(name: str) -> bool:
    """Whether the file, or a folder that it lies in, begins with a dot."""
    return name.startswith(".") or "/." in name


def ending(name: str) -> str:
    """The ending in lower case, such as `.jpg`; empty where there is none."""
    return PurePosixPath(name).suffix.lower()


def counted(names: Iterable[str]) -> str:
    """How many files there are of each ending, such as `30 .heic, 2 without an ending`."""
    numbers = Counter(
        "hidden" if is_hidden(name) else ending(name) or "without an ending" for name in names
    )
    ordered = sorted(numbers.items(), key=lambda one: (-one[1], one[0]))
    rest = sum(number for _, number in ordered[SHOWN:])
    told = [f"{number:,} {what}" for what, number in ordered[:SHOWN]]
    return ", ".join([*told, f"{rest:,} others"] if rest else told)
