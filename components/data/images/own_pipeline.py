"""A person's own albumentations pipeline, as one step: only what the library itself brings.

A file names classes, and a class may do anything; so each name is looked up among the library's.
"""

import os
import warnings
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

import cv2
import numpy as np

from components.data.images.pipeline_pin import Pipeline
from components.frame.errors import DataError

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

import albumentations
from albumentations.core import serialization

CLASS = "__class_fullname__"
TRIALS = 8
"""Seeds with which a pipeline is tried."""
FAULTS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    NotImplementedError,
    RuntimeError,
    TypeError,
    ValueError,
    UserWarning,
    cv2.error,
)
"""What a transform may raise where its arguments do not fit."""
REMEDY = (
    "Correct the file that augment.policy names, or take it back: "
    "thawline params --reset augment.policy"
)


def step(pipeline: Pipeline, size: int) -> Any:  # noqa: ANN401  # albumentations' own
    """The pipeline as one step on images (size, size, 3) of 0..255, tried once.

    Raises:
        DataError: it names what is no transform of albumentations, or does not give such images.
    """
    for name in names(pipeline["transform"]):
        _check_name(name)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # an argument that is none is only warned of
        try:
            read = albumentations.from_dict(pipeline)
            found = albumentations.Sequential([_without_compose(read)], p=1.0)
            _try(found, size)
        except FAULTS as error:
            what = " ".join(str(error).split()) or type(error).__name__
            raise DataError(
                f"a pipeline must work on one image of {size} x {size} pixels alone, but: {what}. "
                f"{REMEDY}"
            ) from None
    return found


def names(transform: object) -> Iterator[str]:
    """The classes that a pipeline names, wherever they stand."""
    if isinstance(transform, Mapping):
        if CLASS in transform:
            yield str(transform[CLASS])
        for value in transform.values():
            yield from names(value)
    elif isinstance(transform, list):
        for value in transform:
            yield from names(value)


def _check_name(name: str) -> None:
    serialization.register_additional_transforms()
    known = serialization.SERIALIZABLE_REGISTRY
    found = known.get(serialization.shorten_class_name(name))
    if found is None or not found.__module__.startswith("albumentations."):
        near = get_close_matches(name, known, n=3)
        hint = f" Near are: {', '.join(near)}." if near else ""
        raise DataError(
            f"a pipeline must hold transforms of albumentations {albumentations.__version__} "
            f"alone, but {name!r} is none that can be read from a file.{hint} {REMEDY}"
        )


def _without_compose(read: Any) -> Any:  # noqa: ANN401  # albumentations' own
    """What stands outermost may be a whole pipeline, which another one does not take as a step."""
    if isinstance(read, albumentations.Compose):
        return albumentations.Sequential(list(read.transforms), p=read.p)
    return read


def _try(found: Any, size: int) -> None:  # noqa: ANN401  # albumentations' own
    """Have the pipeline make something of noise, and see what it gives."""
    pipeline = albumentations.Compose([found])
    image = np.random.default_rng(0).integers(0, 256, (size, size, 3), dtype=np.uint8)
    for seed in range(TRIALS):
        pipeline.set_random_seed(seed)
        given = pipeline(image=image.copy())["image"]
        if getattr(given, "shape", None) != image.shape or given.dtype != image.dtype:
            shape, kind = getattr(given, "shape", "?"), getattr(given, "dtype", "?")
            raise ValueError(
                f"images of {kind} and shape {tuple(shape)} come out, where uint8 and "
                f"{image.shape} must: Thawline crops before, and normalises after"
            )
