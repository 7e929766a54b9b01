"""Small images, drawn from a seed, and their files."""

import cv2
import numpy as np


def draw(seed: int, *, height: int = 24, width: int = 24) -> np.ndarray:
    """Noise that no other seed draws, (height, width, 3)."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def encode(image: np.ndarray, suffix: str = ".png") -> bytes:
    """An image as a file's content."""
    return cv2.imencode(suffix, image)[1].tobytes()
