"""The one decoder: every image that is trained on, judged or served is read here.

Formats are those of an allow-list, by content and not by name. What is transparent lies on white,
16-bit grey is scaled to 8 bits, the first frame of an animation and the first page of a TIFF are
taken, and EXIF orientation is applied.
"""

import struct
import warnings
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.Image import Transpose

from components.frame.errors import DataError

FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
MAX_PIXELS = 80_000_000
"""Larger images are refused from their header: decoded they would take over 240 MB."""
ORIENTATION = 274
"""The EXIF tag; no other is read, since any of them may be damaged in a whole image."""
UPRIGHT = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
"""What brings an image upright, by the value of that tag."""
PAPER = (255, 255, 255)
"""What lies behind transparent images, as every viewer shows them."""
UNREADABLE_MODES = frozenset({"F", "I"})
"""32 bits a pixel without a known range: Pillow's own conversion turns them white or black."""
LEAST_OF_16 = 2**13
"""A 16-bit image must reach this: 8 or 12 bits stored in 16 would become a few levels of black."""
DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    TypeError,
    OverflowError,
    struct.error,
    zlib.error,
)
"""What Pillow raises for damaged files, beside its own errors."""


class UnreadableImageError(DataError):
    """An image cannot be used; `reason` is one word for tables."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def header(content: bytes) -> tuple[int, int, str]:
    """Width, height and Pillow's mode, without decoding.

    Raises:
        UnreadableImageError: `empty`, `no-image` or `too-large`.
    """
    with _opened(content) as image:
        return image.width, image.height, image.mode


def decode(content: bytes) -> NDArray[np.uint8]:
    """Decode a whole image to RGB, shape (height, width, 3).

    Raises:
        UnreadableImageError: also `damaged` or `depth`.
    """
    with _opened(content) as image:
        if image.mode in UNREADABLE_MODES:
            raise UnreadableImageError("depth", f"mode {image.mode} has no known range")
        try:
            image.load()
        except DAMAGE as error:
            raise UnreadableImageError("damaged", str(error)) from error
        return _rgb(_upright(image))


def read(path: Path) -> NDArray[np.uint8]:
    """Decode an image file to RGB, shape (height, width, 3).

    Raises:
        UnreadableImageError: as `decode`.
        DataError: the file is gone.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path} is gone. Bring it back: dvc checkout") from None
    return decode(content)


def _opened(content: bytes) -> Image.Image:
    if not content:
        raise UnreadableImageError("empty", "the file has no bytes")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(BytesIO(content), formats=FORMATS)
    except Image.DecompressionBombError:
        raise UnreadableImageError("too-large", f"over {MAX_PIXELS:,} pixels") from None
    except DAMAGE as error:
        raise UnreadableImageError("no-image", f"not one of {', '.join(FORMATS)}") from error
    if image.width * image.height > MAX_PIXELS:
        size = f"{image.width} x {image.height} pixels, over {MAX_PIXELS:,}"
        raise UnreadableImageError("too-large", size)
    return image


def _upright(image: Image.Image) -> Image.Image:
    """The image as a viewer turns it; where its EXIF cannot be read, as it lies."""
    try:
        turn = UPRIGHT.get(image.getexif().get(ORIENTATION, 0))
    except DAMAGE:
        return image
    return image if turn is None else image.transpose(turn)


def _eight_bits(image: Image.Image) -> NDArray[np.uint8]:
    """A 16-bit grey image in 8 bits, shape (height, width); its own range is the whole one."""
    values = np.asarray(image).astype(np.uint16)
    if values.max() < LEAST_OF_16:
        raise UnreadableImageError(
            "depth", f"16 bits of which {int(values.max()):,} is the most: their range is unknown"
        )
    return (values >> 8).astype(np.uint8)


def _rgb(image: Image.Image) -> NDArray[np.uint8]:
    if image.mode.startswith("I;16"):
        return np.repeat(_eight_bits(image)[:, :, None], 3, axis=2)
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        image = Image.new("RGB", image.size, PAPER)
        image.paste(layer, mask=layer.getchannel("A"))
    return np.asarray(image.convert("RGB"))
