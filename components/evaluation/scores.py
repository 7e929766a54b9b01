"""Scores of many images as one, and how far that lies off by chance."""

from math import isfinite, sqrt

import numpy as np
from numpy.typing import ArrayLike


def mean(scores: ArrayLike) -> float:
    """The mean of scores (n,)."""
    values = np.asarray(scores, dtype=np.float64)
    return float(values.sum()) / len(values)


def standard_error(scores: ArrayLike, score_range: tuple[float, float]) -> float:
    """The standard error of the mean of scores (n,).

    As if two more images had been seen, one at each end of the range, so that a perfect score has
    an error too; for scores of 0 and 1 that is the binomial one of Agresti and Coull with a
    pseudo-count of 1 (The American Statistician 52, 1998). Ends that are infinite are left out.
    """
    seen = np.asarray(scores, dtype=np.float64)
    ends = [end for end in score_range if isfinite(end)]
    return sqrt(float(np.var(np.concatenate([seen, ends]))) / len(seen))
