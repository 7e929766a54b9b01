"""How trials learned, as a figure."""

import pytest

from components.figures.scores import Scores
from components.figures.search_curves import Curve, save_curves
from components.tasks.classification import Classification

LAYERS = ("stem", "blocks", "head")
SCORES = Scores(Classification(("cat", "dog")))
CURVES = [
    Curve(2, (0.5, 0.6, 0.7), "full", chosen=False),
    Curve(0, (0.3,), "probe", chosen=False),
    Curve(1, (0.4, 0.5), "pruned", chosen=False),
    Curve(1, (0.5, 0.7, 0.9), "confirmation", chosen=True),
]


@pytest.mark.parametrize("count", [1, 4])
@pytest.mark.parametrize("importances", [{}, {"freeze_depth": 0.7, "learning_rate": 0.3}])
def test_figure_is_equal_bytes_each_time(tmp_path, count, importances):
    """Also of a single trial, and where nothing can be said of importance."""
    for name in ("a.png", "b.png"):
        save_curves(tmp_path / name, CURVES[-count:], LAYERS, importances, SCORES)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
