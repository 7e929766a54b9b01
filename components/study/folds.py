"""Folds of the train and validation images: with few of them every one is judged, in turn."""

import warnings
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

from components.frame.errors import UsageError
from components.study.plan import Plan
from components.study.values import FEW, FOLDS
from components.training.feed import Fold
from components.training.history import Epoch
from components.training.images import Images
from components.training.samplers import is_of_classes

NEVER = -1
"""The fold of images that are always trained on."""


def pooled(images: Images) -> Images:
    """The images with those of both splits in either: first those to train on."""
    train, val = images.train, images.val
    both = replace(
        train,
        indices=np.concatenate([train.indices, val.indices]),
        targets=np.concatenate([train.targets, val.targets]),
    )
    return replace(images, train=both, val=both)


def planned(plan: Plan, images: Images) -> Plan:
    """A plan with a number of folds; without a search nothing is chosen, so that `auto` is 1.

    Raises:
        UsageError: there are too few images or groups for so many.
    """
    auto = 1 if plan.strategy == "baseline" and plan.folds == "auto" else plan.folds
    return replace(plan, folds=number(auto, images, plan.batch_size))


def number(asked: int | str, images: Images, batch_size: int) -> int:
    """How many folds trials are scored over; 1: the splits are taken as they are.

    `auto` is 1 from `FEW` validation images on, else as many as there can be up to `FOLDS`.

    Args:
        asked: `auto` or a number.
        images: of both splits.
        batch_size: the fewest images that a fold must leave to train on.

    Raises:
        UsageError: there are too few images or groups for so many.
    """
    if asked == "auto":
        few = len(images.val) < FEW
        return _most(pooled(images), FOLDS, batch_size) if few else 1
    if asked != 1 and _most(pooled(images), int(asked), batch_size) != asked:
        most = _most(pooled(images), int(asked), batch_size)
        raise UsageError(
            f"params/search.yaml: folds must be at most the number of groups of images and of "
            f"images in the largest class, and leave {batch_size} images (batch_size) to train "
            f"on, but is {asked}. Set search.folds={most} or auto."
        )
    return int(asked)


def partition(pool: Images, count: int, seed: int) -> tuple[Fold, ...]:
    """The images in so many folds, each the validation images of one.

    Classes are spread evenly over them, a group is never parted, and every class is in the training
    part of each: what would leave one without is always trained on.
    """
    targets, groups = pool.train.targets, _groups(pool)
    labels = targets if is_of_classes(targets) else np.zeros(len(targets), dtype=np.int64)
    place = np.full(len(labels), NEVER)
    splitter = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a class of fewer images than folds is fine
        for index, (_, val) in enumerate(splitter.split(labels, labels, groups)):
            place[val] = index
    for label in np.unique(labels):
        if len(np.unique(place[labels == label])) == 1:
            place[np.isin(groups, groups[labels == label])] = NEVER
    rows = range(count)
    return tuple(Fold(np.flatnonzero(place != k), np.flatnonzero(place == k)) for k in rows)


def mean(histories: Sequence[Sequence[Epoch]], images: Sequence[int]) -> tuple[Epoch, ...]:
    """The epochs of one fit over folds: means over all images that were judged.

    Args:
        histories: of each fold's fit, all as long.
        images: how many were judged in each fold.
    """
    weights = np.asarray(images, dtype=np.float64) / sum(images)
    return tuple(_mean(epochs, weights) for epochs in zip(*histories, strict=True))


def _mean(epochs: Sequence[Epoch], weights: NDArray[np.float64]) -> Epoch:
    """One epoch of several fits; no image is judged twice, so their errors are independent."""

    def of(name: str) -> float:
        return float(np.dot(weights, [asdict(epoch)[name] for epoch in epochs]))

    errors = weights * [epoch.validation_score_error for epoch in epochs]
    return Epoch(
        epoch=epochs[0].epoch,
        train_loss=of("train_loss"),
        train_score=of("train_score"),
        validation_loss=of("validation_loss"),
        validation_score=of("validation_score"),
        validation_score_error=float(np.sqrt(np.sum(errors**2))),
        learning_rate=epochs[0].learning_rate,
    )


def _most(pool: Images, count: int, batch_size: int) -> int:
    """So many folds, or as many as there can be; 1: there can be no two."""
    targets = pool.train.targets
    largest = np.unique(targets, return_counts=True)[1].max() if is_of_classes(targets) else count
    most = min(count, int(largest), len(np.unique(_groups(pool))))
    if most == 1 or min(len(fold.train) for fold in partition(pool, most, 0)) < batch_size:
        return 1  # fewer folds would leave still fewer to train on
    return most


def _groups(pool: Images) -> NDArray[Any]:
    """What must stay together: the groups of the splits, or each image by itself."""
    indices = pool.train.indices
    return np.arange(len(indices)) if pool.groups is None else pool.groups[indices]
