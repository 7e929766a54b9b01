"""The one evaluation transform: validation, test, the registered model and `predict` share it.

resize (short side) -> central crop -> views -> normalise; numpy and OpenCV only.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from components.frame.documents import Document

MAX_ASPECT = 3.0
"""Longer images lose their ends: the central crop never sees them, and memory stays bounded."""
ENLARGED = 8 / 7
"""Of the central square, before corners are cut from it: 256 of 224 pixels in Krizhevsky et al.,
NeurIPS 2012."""
Square = NDArray[np.uint8]
"""(size, size, 3)."""


def _corners(square: Square) -> list[Square]:
    """The four corners of the square, enlarged."""
    size = len(square)
    side = round(ENLARGED * size)
    large = np.asarray(cv2.resize(square, (side, side), interpolation=cv2.INTER_CUBIC), np.uint8)
    ends = (slice(0, size), slice(side - size, side))
    return [large[rows, columns] for rows in ends for columns in ends]


MIRRORED = 2
VIEWS: dict[int, Callable[[Square], list[Square]]] = {
    1: lambda square: [square],
    MIRRORED: lambda square: [square, square[:, ::-1]],
    4: _corners,
}
"""What a trained network sees of the central square, by the number of views."""


@dataclass(frozen=True)
class Transform(Document):
    """From a decoded image to what the network takes."""

    size: int
    """Side of the square the network sees, in pixels."""
    resize: int
    """Short side after resizing, in pixels; at least `size`."""
    mean: tuple[float, ...]
    """Of the weights the network starts from, by channel, for values in 0..1."""
    std: tuple[float, ...]
    views: int = 1
    """So many of an image does a trained network answer for, a key of `VIEWS`; the mean counts."""

    @classmethod
    def from_dict(cls, content: Mapping[str, Any], where: str = "") -> Self:
        """Check what a document holds; without `views` there is one.

        Raises:
            DataError: a key is missing or unknown, or its value is of another type.
        """
        return super().from_dict({"views": 1, **content}, where)

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it; one view goes without saying, as before there were more."""
        return {name: v for name, v in super().to_dict().items() if (name, v) != ("views", 1)}

    def shrink(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Resize (h, w, 3): the short side to `resize`, the long one to at most 3 times that."""
        image = _trimmed(image)
        height, width = image.shape[:2]
        factor = self.resize / min(height, width)
        size = (max(self.resize, round(width * factor)), max(self.resize, round(height * factor)))
        interpolation = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
        resized = cv2.resize(image, size, interpolation=interpolation)
        return np.asarray(resized, dtype=np.uint8)

    def crop(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The central square of a shrunk image, shape (size, size, 3)."""
        top, left = ((side - self.size) // 2 for side in image.shape[:2])
        square: NDArray[np.uint8] = image[top : top + self.size, left : left + self.size]
        return square

    def normalise(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(n, size, size, 3) of 0..255 to (n, 3, size, size) around 0, element by element."""
        scale = (1 / (255 * np.asarray(self.std))).astype(np.float32)
        shift = (-np.asarray(self.mean) / np.asarray(self.std)).astype(np.float32)
        values = batch.astype(np.float32) * scale + shift
        planes: NDArray[np.float32] = np.ascontiguousarray(values.transpose(0, 3, 1, 2))
        return planes

    def __call__(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """A decoded image (h, w, 3) to a trained network's input (views, 3, size, size)."""
        square = self.crop(self.shrink(image))
        return self.normalise(np.stack(VIEWS[self.views](square)))


def _trimmed(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = image.shape[:2]
    longest = int(MAX_ASPECT * min(height, width))
    top, left = max(0, (height - longest) // 2), max(0, (width - longest) // 2)
    return image[top : top + longest, left : left + longest]
