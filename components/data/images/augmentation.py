"""Training augmentation as a family indexed by strength; the only module that knows albumentations.

Strength 0 is the evaluation transform's own crop. From 1 on: a random crop, a small turn, and
changes of brightness and contrast, each growing with the strength.
"""

import os
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

import albumentations

STRENGTHS = (0, 1, 2, 3)
SMALLEST_CROP = 0.2
"""Share of the area that a crop may lose for each step of strength."""
TURN = 5.0
"""Degrees for each step of strength."""
LIGHT = 0.1
"""Relative change of brightness and contrast for each step of strength."""

Augmentation = Callable[[NDArray[np.uint8], int], NDArray[np.uint8]]
"""From a shrunk picture (h, w, 3) and a seed to (size, size, 3); equal seeds, equal pictures."""


def family(size: int, *, mirror: bool) -> dict[str, Any]:
    """Every strength's pipeline for pictures of `size` pixels, as JSON can hold it."""
    return {str(s): albumentations.to_dict(_pipeline(size, s, mirror=mirror)) for s in STRENGTHS}


def load(family: dict[str, Any], strength: int) -> Augmentation:
    """The pipeline of one strength, as a function of picture and seed."""
    pipeline = albumentations.from_dict(family[str(strength)])

    def augment(picture: NDArray[np.uint8], seed: int) -> NDArray[np.uint8]:
        pipeline.set_random_seed(seed)
        augmented: NDArray[np.uint8] = pipeline(image=picture)["image"]
        return augmented

    return augment


def _pipeline(size: int, strength: int, *, mirror: bool) -> albumentations.Compose:
    steps: list[Any] = [albumentations.HorizontalFlip(p=0.5)] if mirror and strength else []
    return albumentations.Compose([*steps, *_geometry(size, strength), *_light(strength)])


def _geometry(size: int, strength: int) -> list[Any]:
    if strength == 0:
        return [albumentations.CenterCrop(size, size)]
    area = (1 - SMALLEST_CROP * strength, 1.0)
    turn = (-TURN * strength, TURN * strength)
    return [
        albumentations.Affine(rotate=turn, border_mode=1, p=0.5),
        albumentations.RandomResizedCrop(size=(size, size), scale=area, ratio=(0.85, 1.18)),
    ]


def _light(strength: int) -> list[Any]:
    if strength == 0:
        return []
    limit = LIGHT * strength
    return [albumentations.RandomBrightnessContrast(limit, limit, p=0.5)]
