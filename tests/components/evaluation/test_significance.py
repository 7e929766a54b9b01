"""McNemar's exact test, against sums written out by hand."""

from fractions import Fraction
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.evaluation.significance import mcnemar_exact

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
