"""The one decoder: every image that is trained on, judged or served is read here.

Formats are those of an allow-list, by content and not by name. What is transparent lies on white,
16-bit grey is scaled to 8 bits, the first frame of an animation and the first page of a TIFF are
taken, and EXIF orientation is applied. Whatever is wrong with a file is that file's own reason, and
what reading it may cost is bounded (`costs.py`).
"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from PIL.ImageFile import ImageFile

from components.data.images.costs import (
    MAX_PIXELS,
    Metered,
    UnreadableImageError,
    check_content,
    check_image,
)
from components.data.kinds import LARGEST_FILE
from components.frame.errors import DataError

FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
ORIENTATION = 274
"""The EXIF tag; no other is read, since any of them may be damaged in a whole image."""
UPRIGHT: dict[int, Callable[[NDArray[np.uint8]], NDArray[Any]]] = {
    2: np.fliplr,
    3: lambda image: np.rot90(image, 2),
    4: np.flipud,
    5: lambda image: image.swapaxes(0, 1),
    6: lambda image: np.rot90(image, -1),
    7: lambda image: np.rot90(image, 2).swapaxes(0, 1),
    8: np.rot90,
}
"""What brings an image upright, by the value of that tag."""
PAPER = (255, 255, 255)
"""What lies behind transparent images, as every viewer shows them."""
UNREADABLE_MODES = frozenset({"F", "I"})
"""32 bits a pixel without a known range: Pillow's own conversion turns them white or black."""
LEAST_OF_16 = 2**13
"""A 16-bit image must reach this: 8 or 12 bits stored in 16 would become a few levels of black."""
SIXTEEN = ";16"
"""Stands in Pillow's own description of 16 bits a colour."""
BAND = 2**22
"""Pixels that are converted at a time, so that a large image is not held several times over."""
LONGEST_DETAIL = 200
"""Characters of Pillow's own words that are told."""


def header(content: bytes) -> tuple[int, int, str]:
    """Width, height and Pillow's mode, without decoding.

    Raises:
        UnreadableImageError: `empty`, `no-image`, `damaged`, `too-large` or `too-costly`.
    """
    with _opened(content) as image:
        return image.width, image.height, image.mode


def decode(content: bytes) -> NDArray[np.uint8]:
    """Decode a whole image to RGB, shape (height, width, 3).

    Raises:
        UnreadableImageError: also `depth` or `colours`.
    """
    with _opened(content) as image:
        if image.mode in UNREADABLE_MODES:
            raise UnreadableImageError("depth", f"mode {image.mode} has no known range")
        wide = SIXTEEN in str(image.tile[:1])
        with _blamed_on_file("damaged"):
            image.load()
        if wide and image.mode in ("RGB", "RGBA"):
            _check_depth(int(np.max(image.getextrema()[:3])) << 8)
        turn = UPRIGHT.get(_orientation(image))
        with _blamed_on_file("colours"):
            lying = _rgb(image)
    return lying if turn is None else np.ascontiguousarray(turn(lying))


def read(path: Path) -> NDArray[np.uint8]:
    """Decode an image file to RGB, shape (height, width, 3).

    Raises:
        UnreadableImageError: as `decode`; its text names the file.
        DataError: the file itself cannot be read.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise DataError(
            f"{path} cannot be read ({error.strerror}). Bring it back: dvc checkout"
        ) from error
    try:
        return decode(content)
    except UnreadableImageError as error:
        raise error.of(path) from error.__cause__


@contextmanager
def _blamed_on_file(reason: str) -> Iterator[None]:
    """Whatever Pillow raises or warns of is what is wrong with one file, and no more than that."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (UnreadableImageError, MemoryError):
        raise
    except Image.DecompressionBombError:
        raise UnreadableImageError("too-large", f"over {MAX_PIXELS:,} pixels") from None
    except UnidentifiedImageError as error:
        raise UnreadableImageError("no-image", f"not one of {', '.join(FORMATS)}") from error
    except Exception as error:  # damaged files make its readers raise anything
        words = " ".join(str(error).split())[:LONGEST_DETAIL]
        raise UnreadableImageError(reason, words or type(error).__name__) from error


@contextmanager
def _opened(content: bytes) -> Iterator[ImageFile]:
    check_content(content)
    with _blamed_on_file("damaged"):
        image = Image.open(Metered(content), formats=FORMATS)
    with image:
        with _blamed_on_file("damaged"):
            check_image(content, image)
        yield image


def _orientation(image: Image.Image) -> int:
    """How the image lies by its EXIF; 0 where that cannot be read, which is no damage."""
    try:
        with _blamed_on_file("damaged"):
            return int(image.getexif().get(ORIENTATION, 0))
    except UnreadableImageError:
        return 0


def _rgb(image: Image.Image) -> NDArray[np.uint8]:
    """The colours as they lie in the file, shape (height, width, 3)."""
    if image.mode.startswith("I;16"):
        return np.repeat(_eight_bits(image)[:, :, None], 3, axis=2)
    rows = max(1, BAND // image.width)
    if image.height <= rows:
        return np.asarray(_on_paper(image))
    colours = np.empty((image.height, image.width, 3), dtype=np.uint8)
    for top in range(0, image.height, rows):
        bottom = min(top + rows, image.height)
        band = image.crop((0, top, image.width, bottom))
        colours[top:bottom] = np.asarray(_on_paper(band))
    return colours


def _eight_bits(image: Image.Image) -> NDArray[np.uint8]:
    """A 16-bit grey image in 8 bits, shape (height, width); its own range is the whole one."""
    values = np.asarray(image).astype(np.uint16)
    _check_depth(int(values.max()))
    grey = (values >> 8).astype(np.uint8)
    if isinstance(through := image.info.get("transparency"), int):
        grey[values == through] = PAPER[0]
    return grey


def _check_depth(most: int) -> None:
    """See that an image of 16 bits uses them, by its highest value."""
    if most < LEAST_OF_16:
        raise UnreadableImageError(
            "depth", f"16 bits of which {most:,} is the most: their range is unknown"
        )


def _on_paper(image: Image.Image) -> Image.Image:
    """In RGB, on white where it is transparent."""
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    paper = Image.new("RGB", image.size, PAPER)
    paper.paste(layer, mask=layer.getchannel("A"))
    return paper
