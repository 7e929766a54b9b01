"""What predictions are worth: metrics from labels and probabilities, nothing else."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn import metrics

Labels = NDArray[np.integer[Any]]
Probabilities = NDArray[np.floating[Any]]


def overall(labels: Labels, probabilities: Probabilities) -> dict[str, float]:
    """Accuracy, majority fraction, macro precision, recall and F1, ROC AUC and log loss.

    Args:
        labels: true class indices, shape (n,).
        probabilities: class probabilities, shape (n, classes).
    """
    guesses = probabilities.argmax(1)
    macro = metrics.precision_recall_fscore_support(
        labels, guesses, average="macro", labels=np.unique(labels), zero_division=0
    )
    return {
        "accuracy": float((guesses == labels).mean()),
        "majority_fraction": float(np.bincount(labels).max() / len(labels)),
        "macro_precision": float(macro[0]),
        "macro_recall": float(macro[1]),
        "macro_f1": float(macro[2]),
        "roc_auc": roc_auc(labels, probabilities),
        "log_loss": float(
            metrics.log_loss(labels, probabilities, labels=range(probabilities.shape[1]))
        ),
    }


def roc_auc(labels: Labels, probabilities: Probabilities) -> float:
    """Area under the ROC curve, one class against the rest, the mean over the classes present."""
    present = np.unique(labels)
    if len(present) < 2:  # noqa: PLR2004  # a curve needs both
        return float("nan")
    return float(
        np.mean([metrics.roc_auc_score(labels == c, probabilities[:, c]) for c in present])
    )


def calibration(labels: Labels, probabilities: Probabilities, bins: int = 10) -> pd.DataFrame:
    """How often predictions of each confidence are right, in bins of equal width.

    Columns: the bin's mean `confidence` (highest probability), its `accuracy`, its `images`;
    bins without images are left out.
    """
    confidence, right = probabilities.max(1), probabilities.argmax(1) == labels
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    table = pd.DataFrame({"bin": place, "confidence": confidence, "right": right})
    table_by_bin = table.groupby("bin").agg(
        confidence=("confidence", "mean"), accuracy=("right", "mean"), images=("right", "size")
    )
    return table_by_bin.astype({"confidence": float}).reset_index(drop=True)


def calibration_error(bins: pd.DataFrame) -> float:
    """Expected calibration error: the mean gap between confidence and accuracy, by images.

    Naeini, Cooper & Hauskrecht 2015 (AAAI), on the bins of `calibration`.
    """
    gaps = (bins["confidence"] - bins["accuracy"]).abs()
    return float((gaps * bins["images"]).sum() / bins["images"].sum())


def per_class(labels: Labels, probabilities: Probabilities, names: list[str]) -> pd.DataFrame:
    """Precision, recall, F1 and number of images of every class."""
    guesses = probabilities.argmax(1)
    every = range(len(names))
    precision, recall, f1, support = metrics.precision_recall_fscore_support(
        labels, guesses, labels=list(every), zero_division=0
    )
    return pd.DataFrame(
        {"class": names, "precision": precision, "recall": recall, "f1": f1, "images": support}
    )
