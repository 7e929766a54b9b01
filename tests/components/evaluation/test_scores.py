"""The standard error of a mean score, from the scores themselves."""

from math import inf, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.evaluation.scores import mean, standard_error


@given(st.lists(st.booleans(), min_size=1, max_size=400))
def test_of_right_and_wrong_it_is_the_binomial_one_with_one_image_more_each(right):
    """One right and one wrong image are added, so that a perfect score has an error too."""
    images = len(right)
    near = (sum(right) + 1) / (images + 2)
    expected = sqrt(near * (1 - near) / images)
    assert standard_error(np.array(right, dtype=float), (0.0, 1.0)) == pytest.approx(expected)
    assert standard_error(np.array(right, dtype=float), (0.0, 1.0)) > 0


def test_of_other_scores_it_is_that_of_the_mean():
    """Against the spread of many samples' means."""
    rng = np.random.default_rng(0)
    means = [mean(-np.abs(rng.normal(size=200))) for _ in range(2000)]
    error = standard_error(-np.abs(rng.normal(size=200)), (-inf, 0.0))
    assert error == pytest.approx(np.std(means), rel=0.15)
