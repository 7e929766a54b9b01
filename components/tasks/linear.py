"""Linear models of features, by scikit-learn: what a head can start from."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from components.frame.errors import DataError

Array = NDArray[np.float32]
Labels = NDArray[np.integer]
Weights = NDArray[np.floating]
"""How much each image counts, shape (images,)."""
STRENGTHS = (1e-1, 1e-2, 1.0, 1e-3)
"""Of the penalty, as scikit-learn has them inverted: `C`, for features of unit variance;
the first where no image can be left out."""
FOLDS = 5
FEW = 300
"""Images up to which each fold is held out in turn; of more one is enough."""
ITERATIONS = 200
"""Of the solver, at most: beyond, answers hardly change."""


@dataclass(frozen=True, kw_only=True)
class Linear:
    """What gives a score of each class, by the features as they are."""

    weight: Array
    """(outputs, features)."""
    bias: Array
    """(outputs,); zero where there is to be none."""
    strength: float
    """Of the penalty, as scikit-learn's `C`."""


def logistic(
    features: Array,
    labels: Labels,
    classes: int,
    *,
    biased: bool = True,
    weights: Array | None = None,
) -> Linear:
    """The multinomial logistic regression of labels on features of unit variance.

    How strongly weights are held small is chosen by the log loss on images that are left out, in
    their first view. Its standardisation is part of what is returned; a class without images is
    scored as never seen.

    Args:
        features: of one view of each image or several, shape (n, d) or (views, n, d).
        labels: places of the images' classes, shape (n,).
        classes: how many there are.
        biased: whether there is to be a bias.
        weights: how much the images of each class count, shape (classes,).

    Raises:
        DataError: there are images of one class alone.
    """
    seen = np.unique(labels)
    if len(seen) == 1:
        raise DataError(
            "head_start `probe` needs training images of two classes or more, but they are all of "
            "one. Give more images, or set search.head_start=drawn."
        )
    count = len(labels)
    rows = features.reshape(-1, features.shape[-1])
    mean = rows.mean(0, dtype=np.float64) * biased
    deviation = rows.std(0, dtype=np.float64)
    scale = np.where(deviation > 0, deviation, 1.0)
    standard = ((rows - mean) / scale).astype(np.float32)
    each = np.ones(count) if weights is None else weights[labels]
    strength = _strength(standard[:count], labels, each, biased=biased)
    views = len(rows) // count
    fitted = _regression(
        standard, np.tile(labels, views), np.tile(each, views), strength, biased=biased
    )
    weight, bias = _scores(fitted)
    weight = weight / scale
    bias = bias - weight @ mean
    return _with_unseen(weight, bias, seen, classes, strength)


def _strength(standard: Array, labels: Labels, each: Weights, *, biased: bool) -> float:
    """The one with the lowest log loss on images that are left out; of equal ones the first."""
    losses = dict.fromkeys(STRENGTHS, 0.0)
    for rest, held in _folds(labels):
        for strength in STRENGTHS:
            model = _regression(standard[rest], labels[rest], each[rest], strength, biased=biased)
            losses[strength] += log_loss(
                labels[held],
                model.predict_proba(standard[held]),
                labels=model.classes_,
                normalize=False,
                sample_weight=each[held],
            )
    return min(losses, key=lambda strength: losses[strength])


def _folds(labels: Labels) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Rows to learn from and rows held out; of each class the first row is never held out."""
    order = np.argsort(labels, kind="stable")
    _, first, place = np.unique(labels[order], return_index=True, return_inverse=True)
    rank = np.empty(len(labels), dtype=np.intp)
    rank[order] = np.arange(len(labels)) - first[place]
    for fold in range(FOLDS) if len(labels) <= FEW else (1,):
        held = (rank > 0) & (rank % FOLDS == fold)
        if held.any():
            yield np.flatnonzero(~held), np.flatnonzero(held)


def _regression(
    standard: Array, labels: Labels, each: Weights, strength: float, *, biased: bool
) -> LogisticRegression:
    model = LogisticRegression(C=strength, max_iter=ITERATIONS, fit_intercept=biased)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(standard, labels, sample_weight=each)


def _scores(model: LogisticRegression) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weights (classes, d) and biases (classes,) whose softmax is the model's probabilities."""
    weight = model.coef_.astype(np.float64)
    bias = np.broadcast_to(model.intercept_, len(weight)).astype(np.float64)
    if len(weight) > 1:
        return weight, bias
    return np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2


def _with_unseen(
    weight: NDArray[np.float64],
    bias: NDArray[np.float64],
    seen: Labels,
    classes: int,
    strength: float,
) -> Linear:
    """With a row for each class there is."""
    rows = np.zeros((classes, weight.shape[1]), dtype=np.float32)
    biases = np.full(classes, bias.min(), dtype=np.float32)
    rows[seen], biases[seen] = weight, bias
    return Linear(weight=rows, bias=biases, strength=strength)
