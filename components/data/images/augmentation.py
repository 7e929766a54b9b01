"""Training augmentation as a family indexed by magnitude; albumentations is known here, nearly.

Magnitude 0 is the evaluation transform's own crop. From 1 on: flips where they are allowed, a
random crop, and what the policy makes of it, each growing with the magnitude.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.data.images import own_pipeline
from components.data.images.pipeline_pin import Pipeline

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

import albumentations

MAGNITUDES = (0, 1, 2, 3)
LIGHT = 0.1
"""Relative change of brightness and contrast for each step of magnitude."""
REPEATED = 1
"""OpenCV's number for edges that are repeated where an image is moved away from them."""

Augmentation = Callable[[NDArray[np.uint8], int], NDArray[np.uint8]]
"""From a shrunk image (h, w, 3) and a seed to (size, size, 3); equal seeds, equal images."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What augmentation is to do; distances are those of one step of magnitude."""

    policy: str = "light"
    """`light`, `trivial`, `rand`, or anything else beside a pipeline."""
    pipeline: Pipeline | None = None
    """A person's own, in place of a policy."""
    horizontal_flip: bool = False
    vertical_flip: bool = False
    rotate: float = 5.0
    """Degrees each way."""
    shift: float = 0.0
    """Fraction of the side each way."""
    shear: float = 0.0
    """Degrees each way."""
    zoom: float = 0.2
    """Fraction of the area that a crop may lose."""


def family(size: int, **asked: Any) -> dict[str, Any]:  # noqa: ANN401  # as `Asked` has them
    """Every magnitude's pipeline for images of `size` pixels, as JSON can hold it.

    Raises:
        DataError: a person's own pipeline cannot be used.
    """
    wanted = Asked(**asked)
    return {str(m): albumentations.to_dict(_pipeline(size, m, wanted)) for m in MAGNITUDES}


def load(family: Mapping[str, Any], magnitude: int) -> Augmentation:
    """The pipeline of one magnitude, as a function of image and seed."""
    pipeline = albumentations.from_dict(family[str(magnitude)])

    def augment(image: NDArray[np.uint8], seed: int) -> NDArray[np.uint8]:
        pipeline.set_random_seed(seed)
        augmented: NDArray[np.uint8] = pipeline(image=image)["image"]
        return augmented

    return augment


def mirrors(family: Mapping[str, Any]) -> bool:
    """Whether training sees mirror images."""
    return "HorizontalFlip" in own_pipeline.names(family[str(MAGNITUDES[-1])])


def _pipeline(size: int, magnitude: int, asked: Asked) -> albumentations.Compose:
    if magnitude == 0:
        return albumentations.Compose([albumentations.CenterCrop(size, size)])
    before, after = _policy(size, magnitude, asked)
    return albumentations.Compose(
        [*_flips(asked), *before, *_crop(size, asked.zoom * magnitude), *after]
    )


def _flips(asked: Asked) -> list[Any]:
    flips = []
    if asked.horizontal_flip:
        flips.append(albumentations.HorizontalFlip(p=0.5))
    if asked.vertical_flip:
        flips.append(albumentations.VerticalFlip(p=0.5))
    return flips


def _crop(size: int, zoom: float) -> list[Any]:
    if not zoom:
        return [albumentations.CenterCrop(size, size)]
    area = (1 - zoom, 1.0)
    return [albumentations.RandomResizedCrop(size=(size, size), scale=area, ratio=(0.85, 1.18))]


def _policy(size: int, magnitude: int, asked: Asked) -> tuple[list[Any], list[Any]]:
    """What a policy does before the crop, and after it."""
    if asked.pipeline is not None:
        return [], [own_pipeline.step(asked.pipeline, size)]
    if asked.policy == "light":
        return _moved(magnitude, asked), _light(magnitude)
    return [], [POLICIES[asked.policy](_operations(magnitude / max(MAGNITUDES)))]


def _moved(magnitude: int, asked: Asked) -> list[Any]:
    """A turn, with a shift and a shear where they are asked for."""
    distances = {"rotate": asked.rotate, "translate_percent": asked.shift, "shear": asked.shear}
    ranges = {name: (-magnitude * d, magnitude * d) for name, d in distances.items() if d}
    return [albumentations.Affine(**ranges, border_mode=REPEATED, p=0.5)] if ranges else []


def _light(magnitude: int) -> list[Any]:
    limit = LIGHT * magnitude
    return [albumentations.RandomBrightnessContrast(limit, limit, p=0.5)]


def _operations(strength: float) -> list[Any]:
    """The operations of RandAugment, each at random up to a strength, 1.0 its paper's highest.

    Cubuk et al. 2020 (arXiv:1909.13719), with the ranges of its reference code.
    """
    turn, shear, shift, change = (strength * one for one in (30.0, 17.0, 0.3, 0.9))
    around, none = (1 - change, 1 + change), (0.0, 0.0)
    moves: list[dict[str, Any]] = [
        {"rotate": (-turn, turn)},
        {"shear": {"x": (-shear, shear), "y": none}},
        {"shear": {"x": none, "y": (-shear, shear)}},
        {"translate_percent": {"x": (-shift, shift), "y": none}},
        {"translate_percent": {"x": none, "y": (-shift, shift)}},
    ]
    return [
        albumentations.NoOp(p=1.0),
        *(albumentations.Affine(**move, border_mode=REPEATED, p=1.0) for move in moves),
        albumentations.RandomBrightnessContrast(change, 0.0, p=1.0),
        albumentations.RandomBrightnessContrast(0.0, change, p=1.0),
        albumentations.ColorJitter((1, 1), (1, 1), around, (0, 0), p=1.0),
        albumentations.Sharpen(alpha=(0.0, change), lightness=(1.0, 1.0), p=1.0),
        albumentations.Posterize(num_bits=(8 - round(4 * strength), 8), p=1.0),
        albumentations.Solarize(threshold_range=(1 - strength, 1.0), p=1.0),
        albumentations.AutoContrast(p=1.0),
        albumentations.Equalize(p=1.0),
    ]


OPERATIONS = 2
"""Of RandAugment, one after the other."""
POLICIES: dict[str, Callable[[list[Any]], Any]] = {
    "trivial": lambda operations: albumentations.OneOf(operations, p=1.0),
    "rand": lambda operations: albumentations.SomeOf(operations, n=OPERATIONS, replace=True, p=1.0),
}
"""By name; `trivial`: Müller and Hutter, TrivialAugment, ICCV 2021."""
