"""What reading one image may cost: a file that asks for more is refused before it is decoded.

Without bounds a small file could take minutes or gigabytes. Each bound is far beyond what cameras,
scanners and programs write, is counted and never timed, and so is the same on every machine.
"""

import re
from collections.abc import Iterator
from io import BytesIO
from itertools import islice
from pathlib import Path

from PIL.Image import Image
from PIL.TiffImagePlugin import TiffImageFile

from components.data.kinds import LARGEST_FILE
from components.frame.errors import DataError

MAX_PIXELS = 65_000_000
"""By the header. Decoding so many takes up to 0.7 GB, for WebP 1.0 GB, and two or three seconds."""
MAX_READS = 1_000_000
"""Steps in which a file's chunks, segments, tags and comments are read: about a second."""
MAX_SCANNED = 1_500_000_000
"""Pixels of a JPEG times its scans; a progressive one has 10 to 18, each over all its pixels."""
LONGEST_HEADER = 16_000_000
"""Bytes before the first scan of a JPEG."""
LARGEST_TEXT = 10_000_000
"""Bytes of a PPM whose values are written as digits."""
MOST_COMMENTS = 100
"""In such a PPM; each one is cut out of all that follows."""
PLAIN_PPM = (b"P1", b"P2", b"P3")
JPEG = b"\xff\xd8"
MARKER = re.compile(rb"\xff+([^\x00\x01\xff\xd0-\xd7])")
"""Of a JPEG's segment; what else follows 0xFF has no length, or stands within a scan."""
SCAN = b"\xff\xda"
START_OF_SCAN, END_OF_IMAGE = 0xDA, 0xD9
TILE = (322, 323)
"""The tags of a TIFF's tiles."""
LARGEST_TILE = 4096 * 4096
"""Pixels of such a tile, in an image that is smaller."""


class UnreadableImageError(DataError):
    """An image cannot be used; `reason` is one word for tables."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail

    def of(self, path: Path) -> "UnreadableImageError":
        """The same, in a sentence that names the file."""
        named = UnreadableImageError(self.reason, self.detail)
        named.args = (f"{path} cannot be read ({self}). Bring back what was checked: dvc checkout",)
        return named


class Metered(BytesIO):
    """A file's content that is read in so many steps at most.

    Raises:
        UnreadableImageError: `too-costly`, in the step after them.
    """

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self._left = MAX_READS

    def read(self, size: int | None = -1, /) -> bytes:
        """As of any file."""
        self._left -= 1
        if self._left < 0:
            raise _too_costly(f"its parts take over {MAX_READS:,} steps to read")
        return super().read(size)


def check_content(content: bytes) -> None:
    """See that an encoded image can be opened at a bounded cost.

    Raises:
        UnreadableImageError: `empty`, `too-large` or `too-costly`.
    """
    if not content:
        raise UnreadableImageError("empty", "the file has no bytes")
    if len(content) > LARGEST_FILE:
        raise UnreadableImageError("too-large", f"over {LARGEST_FILE:,} bytes")
    if content.startswith(PLAIN_PPM):
        _check_text(content)
    if content.startswith(JPEG):
        _check_header(next(scans(content), len(content)))


def check_image(content: bytes, image: Image) -> None:
    """See that what was opened can be decoded at a bounded cost.

    Raises:
        UnreadableImageError: `too-large` or `too-costly`.
    """
    pixels = image.width * image.height
    if pixels > MAX_PIXELS:
        size = f"{image.width} x {image.height} pixels, over {MAX_PIXELS:,}"
        raise UnreadableImageError("too-large", size)
    if content.startswith(JPEG):
        _check_scans(content, pixels)
    if isinstance(image, TiffImageFile):
        _check_tile(image, pixels)


def scans(content: bytes) -> Iterator[int]:
    """Where the scans of a JPEG begin, in bytes.

    Raises:
        UnreadableImageError: `too-costly`; it has too many segments.
    """
    place = len(JPEG)
    for _ in range(MAX_READS):
        marker = MARKER.search(content, place)
        if marker is None or marker[1][0] == END_OF_IMAGE:
            return
        if marker[1][0] == START_OF_SCAN:
            yield marker.start()
        place = marker.end() + int.from_bytes(content[marker.end() : marker.end() + 2])
    raise _too_costly(f"it has over {MAX_READS:,} segments")


def _check_header(length: int) -> None:
    if length > LONGEST_HEADER:
        raise _too_costly(f"{length:,} bytes stand before its pixels, over {LONGEST_HEADER:,}")


def _check_scans(content: bytes, pixels: int) -> None:
    most = MAX_SCANNED // pixels
    counted = content.count(SCAN) > most  # quick, and too high where other data looks like scans
    if counted and sum(1 for _ in islice(scans(content), most + 1)) > most:
        raise _too_costly(f"it has over {most:,} scans of {pixels:,} pixels")


def _check_tile(image: TiffImageFile, pixels: int) -> None:
    """A tile is decoded whole, however little of it lies within the image."""
    width, length = (image.tag_v2.get(tag, 1) for tag in TILE)
    if width * length > max(pixels, LARGEST_TILE):
        raise _too_costly(f"it has tiles of {width} x {length} pixels")


def _check_text(content: bytes) -> None:
    if len(content) > LARGEST_TEXT:
        raise _too_costly(f"{len(content):,} bytes of digits, over {LARGEST_TEXT:,}")
    if content.count(b"#") > MOST_COMMENTS:
        raise _too_costly(f"over {MOST_COMMENTS} comments")


def _too_costly(detail: str) -> UnreadableImageError:
    return UnreadableImageError("too-costly", f"{detail}; save it anew in another program")
