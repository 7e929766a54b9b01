"""What predictions are worth: figures from labels and probabilities, nothing else."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats
from sklearn import metrics

Labels = NDArray[np.integer[Any]]
Probabilities = NDArray[np.floating[Any]]


def bootstrap_interval(
    correct: NDArray[np.bool_], *, confidence: float, samples: int, seed: int
) -> tuple[float, float]:
    """Percentile bootstrap interval of the accuracy (Efron & Tibshirani 1993, chapter 13).

    Args:
        correct: whether each prediction is right, shape (n,).
        confidence: such as 0.95.
        samples: resamples drawn.
        seed: of the draws.
    """
    found = stats.bootstrap(
        (correct.astype(float),), np.mean, confidence_level=confidence, n_resamples=samples,
        method="percentile", rng=np.random.default_rng(seed),
    )  # fmt: skip
    low, high = found.confidence_interval
    return float(low), float(high)


def overall(labels: Labels, shares: Probabilities) -> dict[str, float]:
    """Accuracy, majority share, macro precision, recall and F1, ROC AUC and log loss.

    Args:
        labels: true class indices, shape (n,).
        shares: class probabilities, shape (n, classes).
    """
    guesses = shares.argmax(1)
    macro = metrics.precision_recall_fscore_support(
        labels, guesses, average="macro", labels=np.unique(labels), zero_division=0
    )
    return {
        "accuracy": float((guesses == labels).mean()),
        "majority_share": float(np.bincount(labels).max() / len(labels)),
        "macro_precision": float(macro[0]),
        "macro_recall": float(macro[1]),
        "macro_f1": float(macro[2]),
        "roc_auc": roc_auc(labels, shares),
        "log_loss": float(metrics.log_loss(labels, shares, labels=range(shares.shape[1]))),
    }


def roc_auc(labels: Labels, shares: Probabilities) -> float:
    """Area under the ROC curve, one class against the rest, the mean over the classes present."""
    present = np.unique(labels)
    if len(present) < 2:  # noqa: PLR2004  # a curve needs both
        return float("nan")
    return float(np.mean([metrics.roc_auc_score(labels == c, shares[:, c]) for c in present]))


def calibration(labels: Labels, shares: Probabilities, bins: int = 10) -> pd.DataFrame:
    """How often predictions of each certainty are right, in bins of equal width.

    Columns: the bin's mean `certainty` (highest probability), its `accuracy`, its `pictures`;
    bins without pictures are left out.
    """
    certainty, right = shares.max(1), shares.argmax(1) == labels
    place = np.minimum((certainty * bins).astype(int), bins - 1)
    table = pd.DataFrame({"bin": place, "certainty": certainty, "right": right})
    found = table.groupby("bin").agg(
        certainty=("certainty", "mean"), accuracy=("right", "mean"), pictures=("right", "size")
    )
    return found.astype({"certainty": float}).reset_index(drop=True)


def calibration_error(bins: pd.DataFrame) -> float:
    """Expected calibration error: the mean gap between certainty and accuracy, by pictures.

    Naeini, Cooper & Hauskrecht 2015 (AAAI), on the bins of `calibration`.
    """
    gaps = (bins["certainty"] - bins["accuracy"]).abs()
    return float((gaps * bins["pictures"]).sum() / bins["pictures"].sum())


def per_class(labels: Labels, shares: Probabilities, names: list[str]) -> pd.DataFrame:
    """Precision, recall, F1 and number of pictures of every class."""
    guesses = shares.argmax(1)
    every = range(len(names))
    precision, recall, f1, support = metrics.precision_recall_fscore_support(
        labels, guesses, labels=list(every), zero_division=0
    )
    return pd.DataFrame(
        {"class": names, "precision": precision, "recall": recall, "f1": f1, "pictures": support}
    )


def confusion(labels: Labels, shares: Probabilities, classes: int) -> NDArray[np.int64]:
    """How often each class (row) was taken for each (column), shape (classes, classes)."""
    found: NDArray[np.int64] = metrics.confusion_matrix(
        labels, shares.argmax(1), labels=list(range(classes))
    )
    return found
