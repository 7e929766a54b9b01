"""Two models side by side."""

import pytest
from registry import UP_TO_JUDGE

from components.frame.errors import UsageError
from flows.gate.compare import _told_apart, screen
from flows.registry import versions
from flows.tracking import stores


@pytest.fixture
def two(project, first, rebuild, perform, answers):
    """A champion, and a challenger with other answers and another setting."""
    rebuild(1, right=0.5)
    answers(first, right=1.0)
    perform(*UP_TO_JUDGE)
    return project


def test_two_versions_are_compared_by_images_and_figures(two):
    """Whichever name they are called by."""
    text = screen(two, "champion", "2")
    assert "version 1" in text
    assert "version 2" in text
    figures = text.partition("Figures")[2].partition("Images that")[0]
    assert "accuracy " in figures
    assert "100.0% (95.0% to 100.0%)  50.0% (45.0% to 55.0%)" in figures
    changed = text.partition("Images that were won or lost")[2]
    lost = [line.split() for line in changed.splitlines() if line.strip().startswith("lost")]
    assert lost
    assert all(true.strip("()") == old != new for _, _, true, old, new in lost)
    assert screen(two, "thawline/1", "thawline/2") == text


def test_runs_are_compared_without_images(two):
    """A run's id, as MLflow shows it."""
    with stores.opened(two) as store:
        runs = [
            versions.find(store.client, versions.named(two, name)).run_id
            for name in ("champion", "challenger")
        ]
    assert "only registered versions" in screen(two, *runs)
    with pytest.raises(UsageError, match="the store knows none"):
        screen(two, "0" * 32, runs[0])
    with pytest.raises(UsageError, match="'thawline/9' must name a version"):
        screen(two, "9", "champion")


@pytest.mark.parametrize(
    ("old", "new", "shown"),
    [
        ("0.0015848931924611134", "0.001", ("0.001585", "0.001")),
        ("0.0015848931924611134", "0.0015848931924611135", None),
        ("tf_efficientnet_lite0.in1k", "null", None),
        ("[0.0015848931924611134]", "10000000", None),
    ],
)
def test_parameters_have_as_many_digits_as_tell_them_apart(old, new, shown):
    """A rate that a search drew has seventeen."""
    assert _told_apart(old, new) == (shown or (old, new))
