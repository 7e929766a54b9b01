"""Images as part of the page itself: small, and as data URIs, so that one file is all of it."""

import base64

import cv2
import numpy as np
from numpy.typing import NDArray

QUALITY = 82
"""Of WebP, 1 to 100."""


def image(pixels: NDArray[np.uint8]) -> str:
    """The data URI of an image, (height, width, 3) of RGB."""
    _, encoded = cv2.imencode(
        ".webp", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_WEBP_QUALITY, QUALITY]
    )
    return "data:image/webp;base64," + base64.b64encode(encoded.tobytes()).decode("ascii")
