"""Charts on the page: places that data belong at, and labels that can be read."""

from itertools import pairwise

import pytest

from components.figures.sheet import plain
from components.page import charts
from components.page.charts import BETWEEN, Box, Line

BOX = Box()


def test_higher_values_stand_higher_and_further_right():
    """Within the field, at even distances."""
    x = charts.across(BOX, [0.0, 10.0], "", plain, log=False)
    y = charts.upwards(BOX, [0.0, 10.0], "", plain)
    assert BOX.left < x.at(0) < x.at(5) < x.at(10) < BOX.width - BOX.right
    assert BOX.top < y.at(10) < y.at(5) < y.at(0) < BOX.height - BOX.bottom
    assert x.at(5) - x.at(0) == pytest.approx(x.at(10) - x.at(5), abs=0.2)


def test_equal_factors_are_equal_distances_on_a_logarithmic_axis():
    """So 0.001 to 0.01 is as far as 0.01 to 0.1."""
    x = charts.across(BOX, [0.001, 0.1], "", plain, log=True)
    assert x.at(0.01) - x.at(0.001) == pytest.approx(x.at(0.1) - x.at(0.01), abs=0.2)
    assert [tick.label for tick in x.ticks] == ["0.001", "0.01", "0.1"]


@pytest.mark.parametrize("values", [[0.7], [0.5, 0.5], [-3.0, -1.0], [1e-9, 2e-9]])
def test_any_values_have_an_axis(values):
    """Also a single one; ticks stand within the field, a few."""
    y = charts.upwards(BOX, values, "", plain)
    assert 1 <= len(y.ticks) <= 8
    assert all(BOX.top <= tick.at <= BOX.height - BOX.bottom for tick in y.ticks)


def test_a_single_epoch_has_an_axis_and_a_dot():
    """A line of one point would not be drawn."""
    x = charts.epochs(BOX, 1)
    assert [tick.label for tick in x.ticks] == ["1"]
    y = charts.upwards(BOX, [0.5], "", plain)
    (first, second) = charts.line(x, y, [(1, 0.5)], "full").points.split()
    assert first == second


def test_labels_at_the_ends_of_lines_do_not_meet():
    """Nor leave the field below."""
    lines = [Line(points="", kind="", label=str(n), end=(0.0, 170.0 + n)) for n in range(3)]
    heights = [one.end[1] for one in charts.apart(lines, 175.0)]
    assert all(lower - upper >= BETWEEN for upper, lower in pairwise(heights))
    assert heights[-1] <= 175
