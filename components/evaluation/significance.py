"""Whether one model is better than another, from what both predicted for the same images."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import binomtest


def mcnemar_exact(challenger_right: ArrayLike, champion_right: ArrayLike) -> float:
    """One-sided p-value of McNemar's exact test that the challenger is right more often.

    Only images on which exactly one of the two is right count: were both equally good, each of
    these would be the challenger's with probability 1/2 (McNemar 1947, Psychometrika 12, 153-157;
    the exact form is a binomial test). Without any such image it is 1.

    Args:
        challenger_right: whether the challenger is right, by image, shape (n,).
        champion_right: the same of the champion, for the same images.

    Raises:
        ValueError: the two differ in shape.
    """
    new = np.asarray(challenger_right, dtype=bool)
    old = np.asarray(champion_right, dtype=bool)
    if new.shape != old.shape or new.ndim != 1:
        raise ValueError(f"`shapes (n,) must be equal`, but got {new.shape} and {old.shape}")
    gained = int(np.sum(new & ~old))
    lost = int(np.sum(old & ~new))
    if gained + lost == 0:
        return 1.0
    return float(binomtest(gained, gained + lost, 0.5, alternative="greater").pvalue)
