"""Training augmentation as a family indexed by magnitude; albumentations is known here alone.

Magnitude 0 is the evaluation transform's own crop. From 1 on: a random crop, a small turn, and
changes of brightness and contrast, each growing with the magnitude.
"""

import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

import albumentations

MAGNITUDES = (0, 1, 2, 3)
SMALLEST_CROP = 0.2
"""Fraction of the area that a crop may lose for each step of magnitude."""
TURN = 5.0
"""Degrees for each step of magnitude."""
LIGHT = 0.1
"""Relative change of brightness and contrast for each step of magnitude."""

Augmentation = Callable[[NDArray[np.uint8], int], NDArray[np.uint8]]
"""From a shrunk image (h, w, 3) and a seed to (size, size, 3); equal seeds, equal images."""


def family(size: int, *, horizontal_flip: bool) -> dict[str, Any]:
    """Every magnitude's pipeline for images of `size` pixels, as JSON can hold it."""
    return {
        str(s): albumentations.to_dict(_pipeline(size, s, horizontal_flip=horizontal_flip))
        for s in MAGNITUDES
    }


def load(family: Mapping[str, Any], magnitude: int) -> Augmentation:
    """The pipeline of one magnitude, as a function of image and seed."""
    pipeline = albumentations.from_dict(family[str(magnitude)])

    def augment(image: NDArray[np.uint8], seed: int) -> NDArray[np.uint8]:
        pipeline.set_random_seed(seed)
        augmented: NDArray[np.uint8] = pipeline(image=image)["image"]
        return augmented

    return augment


def _pipeline(size: int, magnitude: int, *, horizontal_flip: bool) -> albumentations.Compose:
    steps: list[Any] = (
        [albumentations.HorizontalFlip(p=0.5)] if horizontal_flip and magnitude else []
    )
    return albumentations.Compose([*steps, *_geometry(size, magnitude), *_light(magnitude)])


def _geometry(size: int, magnitude: int) -> list[Any]:
    if magnitude == 0:
        return [albumentations.CenterCrop(size, size)]
    area = (1 - SMALLEST_CROP * magnitude, 1.0)
    turn = (-TURN * magnitude, TURN * magnitude)
    return [
        albumentations.Affine(rotate=turn, border_mode=1, p=0.5),
        albumentations.RandomResizedCrop(size=(size, size), scale=area, ratio=(0.85, 1.18)),
    ]


def _light(magnitude: int) -> list[Any]:
    if magnitude == 0:
        return []
    limit = LIGHT * magnitude
    return [albumentations.RandomBrightnessContrast(limit, limit, p=0.5)]
