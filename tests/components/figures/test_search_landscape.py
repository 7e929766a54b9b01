"""The figures of a search."""

import pytest

from components.figures.scores import Scores
from components.figures.search_landscape import TrialPoint, aside, front, save_front, save_landscape
from components.tasks.classification import Classification

LAYERS = ("stem", "blocks", "head")
SCORES = Scores(Classification(("cat", "dog")))


def point(freeze_depth, score, cost, kind="full", *, chosen=False):
    return TrialPoint(
        freeze_depth=freeze_depth,
        learning_rate=1e-3,
        score=score,
        cost=cost,
        kind=kind,
        chosen=chosen,
    )


@pytest.fixture
def points():
    return [
        point(2, 0.5, 0.01),
        point(1, 0.4, 0.02, "probe"),
        point(1, 0.7, 0.3, chosen=True),
        point(0, 0.6, 1.0, "pruned"),
        point(1, 0.69, 0.3, "confirmation", chosen=True),
    ]


def test_front_holds_what_nothing_cheaper_reaches(points):
    """From the cheapest on, each better than the last."""
    assert [(p.cost, p.score) for p in front(points)] == [(0.01, 0.5), (0.3, 0.7)]


@pytest.mark.parametrize("count", [1, 5])
def test_figures_are_equal_bytes_each_time(points, tmp_path, count):
    """Also of a single trial."""
    some = [points[2], *points][:count]
    for save in (save_landscape, save_front):
        for name in ("a.png", "b.png"):
            save(tmp_path / name, some, LAYERS, SCORES)
        assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
        assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_rings_stand_around_the_marks_of_the_chosen_setting(points, monkeypatch, tmp_path):
    """Where each mark stands, also the one that stands beside another."""
    ringed = []
    monkeypatch.setattr(
        "components.figures.search_landscape._ring",
        lambda _axis, chosen, **_: ringed.append(chosen),
    )
    save_landscape(tmp_path / "a.png", points, LAYERS, SCORES)
    places = aside(points)
    assert ringed == [[(places[2], 1e-3), (places[4], 1e-3)]]
    assert places[2] != places[4]
