"""What a decoded image holds: whether it is the same as another, and whether there is anything."""

import hashlib
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

BLANK = 2
"""Values of a colour may lie so far apart, of 0..255, and the image is still one colour."""


@dataclass(frozen=True)
class Content:
    """What is told of the pixels of one image."""

    digest: str
    """Equal for equal pixels, whatever file they came from."""
    levels: int
    """The most different values that one of its three colours takes, 1 to 256."""
    blank: bool
    """One colour all over, or practically so: no colour's values differ by more than `BLANK`."""


def content(image: NDArray[np.uint8]) -> Content:
    """Look at an image, shape (height, width, 3)."""
    taken = [np.flatnonzero(cv2.calcHist([image], [c], None, [256], [0, 256])) for c in range(3)]
    digest = hashlib.sha256(repr(image.shape).encode())
    digest.update(np.ascontiguousarray(image).data)
    return Content(
        digest=digest.hexdigest(),
        levels=max(len(values) for values in taken),
        blank=all(values[-1] - values[0] <= BLANK for values in taken),
    )
