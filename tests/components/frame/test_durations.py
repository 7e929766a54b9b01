"""Seconds as a person says them."""

import pytest

from components.frame.durations import duration


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0.0 s"),
        (0.44, "0.4 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (41.6, "42 s"),
        (59.7, "1 min 0 s"),
        (185, "3 min 5 s"),
        (3599.6, "1 h 0 min"),
        (7839, "2 h 10 min"),
    ],
)
def test_a_duration_has_two_figures_that_matter(seconds, said):
    """Tenths below ten seconds; no sixty seconds or minutes beside the next unit."""
    assert duration(seconds) == said
