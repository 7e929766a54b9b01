"""Some of the training images instead of all: for trials, or a quick look."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.frame.errors import UsageError
from components.training.images import Images
from components.training.samplers import Rows, strata


def subset(images: Images, asked: float, seed: int, where: str, least: int = 0) -> Images:
    """The images with so many to train on, validation as it is.

    Args:
        images: of both splits.
        asked: a fraction, above 0.0 to 1.0, or a whole number of images.
        seed: of which ones.
        where: what asks.
        least: images that a fraction leaves at any rate, where there are as many.

    Raises:
        UsageError: there are not so many, or fewer are asked for than there are classes.
    """
    split = images.train
    number = asked if isinstance(asked, int) else round(asked * len(split))
    if not isinstance(asked, int):
        number = max(number, min(least, len(split)))
    fewest = len(strata(split.targets))
    if not fewest <= number <= len(split):
        raise UsageError(
            f"{where}: subset must leave from {fewest:,} images to train on, one a class, to all "
            f"{len(split):,}, but {asked} leaves {number:,}."
        )
    if number == len(split):
        return images
    rows = stratified(split.targets, number, seed)
    print(f"trained on {number:,} of {len(split):,} images (subset)")
    chosen = replace(split, indices=split.indices[rows], targets=split.targets[rows])
    return replace(images, train=chosen)


def stratified(targets: NDArray[Any], number: int, seed: int) -> Rows:
    """So many rows, sorted: of each class about the same fraction, one at the least.

    A smaller subset of the same seed lies within a larger one.
    """
    rng, places = np.random.default_rng(seed), np.empty(len(targets))
    for rows in strata(targets):
        order = rng.permutation(len(rows))
        places[rows] = np.where(order == 0, -1.0, (order + 0.5) / len(rows))
    return np.sort(np.argsort(places, kind="stable")[:number])
