"""The paired tests, against sums written out by hand."""

from fractions import Fraction
from itertools import product
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.stats import norm

from components.evaluation.significance import interval, mcnemar_exact, paired_p_value

PAIRS = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60)


def reference(pairs: list[tuple[bool, bool]]) -> Fraction:
    """Of all ways in which the differing images could have fallen, those at least as good."""
    gained = sum(new and not old for new, old in pairs)
    differing = sum(new != old for new, old in pairs)
    ways = sum(comb(differing, wins) for wins in range(gained, differing + 1))
    return Fraction(ways, 2**differing)


@given(PAIRS)
def test_it_is_the_fraction_of_outcomes_at_least_as_good(pairs):
    """The p-value equals a count of the outcomes, in whole numbers."""
    new, old = zip(*pairs, strict=True)
    assert mcnemar_exact(new, old) == pytest.approx(float(reference(pairs)), rel=1e-9)


def test_a_published_example():
    """9 images gained and 1 lost: 11 of 1,024 outcomes are as good."""
    new = [True] * 9 + [False] + [True] * 40
    old = [False] * 9 + [True] + [True] * 40
    assert mcnemar_exact(new, old) == pytest.approx(11 / 1024)


def test_equal_models_are_never_better():
    """Without an image on which they differ nothing speaks for the challenger."""
    assert mcnemar_exact([True, False], [True, False]) == 1.0


def test_it_asks_for_better_not_for_different():
    """A challenger that lost everywhere is the least convincing of all."""
    assert mcnemar_exact([False] * 20, [True] * 20) == 1.0


def test_images_must_match():
    """Two lists of different lengths cannot be about the same images."""
    with pytest.raises(ValueError, match="must be equal"):
        mcnemar_exact([True], [True, False])


def flipped(differences: list[float]) -> float:
    """Of all ways to flip the signs of the differences, those with a mean at least as high."""
    sums = [
        sum(sign * one for sign, one in zip(signs, differences, strict=True))
        for signs in product((1, -1), repeat=len(differences))
    ]
    return sum(one >= sum(differences) - 1e-12 for one in sums) / len(sums)


@pytest.mark.parametrize(
    "differences", [[0.5], [0.3, 0.2, 0.1], [0.4, -0.1, 0.2, -0.3, 0.25], [-0.2, -0.4], [0.1] * 13]
)
def test_scores_are_compared_by_all_ways_to_flip_their_signs(differences):
    """Up to 13 images the p-value is a count; images with equal scores do not matter."""
    champion = [0.5] * (len(differences) + 3)
    challenger = [0.5 + one for one in differences] + [0.5] * 3
    assert paired_p_value(challenger, champion) == pytest.approx(flipped(differences))


def test_with_many_images_flips_are_drawn():
    """The draw is the same each time, and near the normal approximation."""
    random = np.random.default_rng(3)
    champion = random.normal(size=400)
    challenger = champion + random.normal(0.08, 1.0, size=400)
    difference = challenger - champion
    expected = norm.sf(difference.sum() / np.sqrt((difference**2).sum()))
    found = paired_p_value(challenger, champion)
    assert found == paired_p_value(challenger, champion)
    assert found == pytest.approx(expected, abs=0.02)


@given(PAIRS)
def test_scores_of_nought_and_one_are_compared_by_mcnemars_test(pairs):
    """The same p-value as of right and wrong."""
    new, old = zip(*pairs, strict=True)
    scores = [[float(one) for one in side] for side in (new, old)]
    assert paired_p_value(*scores) == mcnemar_exact(new, old)


def test_equal_scores_speak_for_nobody():
    """Without an image on which they differ the p-value is 1."""
    assert paired_p_value([0.5, 0.25], [0.5, 0.25]) == 1.0


def test_scores_must_match():
    """Two lists of different lengths cannot be about the same images."""
    with pytest.raises(ValueError, match="must be equal"):
        paired_p_value([0.5], [0.5, 0.25])


@pytest.mark.parametrize("images", [30, 300, 3000])
@pytest.mark.parametrize("true", [0.5, 0.95, 0.99, 1.0])
def test_interval_holds_the_true_accuracy_as_often_as_it_says(true, images):
    """Over every number of right answers there can be, by how likely it is."""
    right = np.arange(images + 1)
    likely = stats.binom.pmf(right, images, true)
    held = 0.0
    for number, probability in zip(right[likely > 1e-9], likely[likely > 1e-9], strict=True):
        low, high = interval(np.arange(images) < number, 0.95)
        held += probability * (low <= true <= high)
    assert held >= 0.95 - 1e-6


@pytest.mark.parametrize(("images", "least"), [(30, 0.884), (356, 0.9897), (3000, 0.9988)])
def test_a_perfect_score_is_no_certainty(images, least):
    """What the images cannot rule out: (level / 2) to the power of 1 / images."""
    low, high = interval(np.ones(images), 0.95)
    assert (low, high) == (pytest.approx(0.025 ** (1 / images)), 1.0)
    assert low == pytest.approx(least, abs=1e-3)
    assert interval(np.zeros(images), 0.95) == pytest.approx((0.0, 1 - low))


@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_interval_of_other_scores_is_near_the_normal_one(level):
    """Of many scores that are not just right or wrong: their mean and so many standard errors."""
    scores = np.random.default_rng(0).normal(size=2000)
    around = norm.interval(level, scores.mean(), scores.std() / np.sqrt(len(scores)))
    assert interval(scores, level) == pytest.approx(around, abs=0.1 * (around[1] - around[0]) / 2)


def test_interval_of_other_scores_holds_their_mean():
    """In 91 to 99 of 100 samples, where it says 95."""
    generator = np.random.default_rng(0)
    held = 0
    for _ in range(100):
        low, high = interval(-generator.exponential(size=150), 0.95)
        held += low <= -1.0 <= high
    assert 90 <= held <= 99
