"""How sure a mean score is, and whether one model's is higher than another's."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binomtest, bootstrap, permutation_test

RESAMPLES = 2_000
"""Behind an interval of scores that are not just right or wrong."""
FLIPS = 9_999
"""Drawn where there are more than these ways to flip signs: p-values down to 1 in 10,000."""
HELD = 10**7
"""Signs that are drawn at a time, which bounds the memory to some 100 MB."""


def interval(scores: ArrayLike, confidence_level: float) -> tuple[float, float]:
    """An interval around a mean score.

    Of scores that are 0 or 1 the one of Clopper and Pearson (Biometrika 26, 1934), which holds the
    true value at least as often as it says, also where all are right; of others the percentile
    bootstrap (Efron & Tibshirani 1993, chapter 13).

    Args:
        scores: of each image, shape (n,).
        confidence_level: such as 0.95.
    """
    values = np.asarray(scores, dtype=float)
    if _right_or_wrong(values):
        right = binomtest(int(values.sum()), len(values))
        exact = right.proportion_ci(confidence_level, method="exact")
        return float(exact.low), float(exact.high)
    found = bootstrap(
        (values,),
        np.mean,
        confidence_level=confidence_level,
        n_resamples=RESAMPLES,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    return float(found.low), float(found.high)


def _right_or_wrong(scores: NDArray[np.float64]) -> bool:
    """Whether all scores are 0 or 1."""
    return bool(np.isin(scores, (0.0, 1.0)).all())


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


def paired_p_value(challenger: ArrayLike, champion: ArrayLike) -> float:
    """One-sided p-value that the challenger's scores of the same images are higher on average.

    McNemar's exact test where every score is 0 or 1; otherwise the sign-flip permutation test of
    the mean difference (Fisher 1935, The Design of Experiments, chapter 3): exact up to 13 images
    that differ, with 9,999 drawn flips and a fixed seed beyond.

    Args:
        challenger: the challenger's score of each image, shape (n,), higher is better.
        champion: the champion's, for the same images.

    Raises:
        ValueError: the two differ in shape.
    """
    new, old = np.asarray(challenger, dtype=float), np.asarray(champion, dtype=float)
    if new.shape != old.shape or new.ndim != 1:
        raise ValueError(f"`shapes (n,) must be equal`, but got {new.shape} and {old.shape}")
    if _right_or_wrong(np.concatenate([new, old])):
        return mcnemar_exact(new == 1.0, old == 1.0)
    differences = (new - old)[new != old]
    if len(differences) <= 1:  # too few for scipy
        return 0.5 if (differences > 0).any() else 1.0
    result = permutation_test(
        (differences,),
        np.mean,
        permutation_type="samples",
        alternative="greater",
        n_resamples=FLIPS,
        batch=max(1, HELD // len(differences)),
        rng=np.random.default_rng(0),
    )
    return float(result.pvalue)
