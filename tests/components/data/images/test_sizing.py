"""How large the images are that a network sees, where nobody says it."""

import pandas as pd
import pytest

from components.data.images.sizing import auto_size


def table(*sizes):
    return pd.DataFrame(sizes, columns=["width", "height"])


@pytest.mark.parametrize(
    ("sizes", "size"),
    [
        ([(100, 300)] * 3, 96),
        ([(300, 100)] * 3, 96),
        ([(8, 8)] * 3, 48),
        ([(50, 60), (130, 140), (900, 700)], 128),
        ([(4000, 3000)] * 3, 224),
    ],
    ids=["upright", "lying", "tiny", "the median one", "huge"],
)
def test_it_is_near_the_short_side_of_most_images(sizes, size):
    """A multiple of 16, no less than 48, no more than what the weights were trained at."""
    assert auto_size(table(*sizes), 224, fixed=False) == size


def test_a_network_that_takes_one_size_gets_it():
    """Whatever the images are."""
    assert auto_size(table((50, 50)), 224, fixed=True) == 224


def test_a_native_size_that_is_no_multiple_is_never_exceeded():
    """Weights of 260 pixels see 260, not 272."""
    assert auto_size(table((2000, 1000)), 260, fixed=False) == 260


@pytest.mark.parametrize(
    ("side", "limit", "size"), [(300, 96, 96), (60, 96, 64), (300, None, 224), (300, 400, 224)]
)
def test_a_limit_bounds_what_is_larger(side, limit, size):
    """Smaller images stay at their own size, and no limit enlarges any."""
    assert auto_size(table((side, side)), 224, fixed=False, limit=limit) == size


def test_a_limit_has_no_say_where_the_network_takes_one_size():
    """That network takes no other."""
    assert auto_size(table((300, 300)), 224, fixed=True, limit=96) == 224
