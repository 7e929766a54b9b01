"""The figures of a report: what they say, and that they are whole for any number of classes."""

import numpy as np
import pytest
from PIL import Image

from components.figures.augmentation_preview import save_preview
from components.figures.confusion_matrix import confusions, save_matrix, shades
from components.figures.learning_curves import Curves, gap, save_learning, sentence
from components.figures.mistakes import Mistake, save_mistakes
from components.figures.scores import Scores
from components.figures.sheet import percent, shortened, signed, thinned
from components.tasks.classification import Classification

PIXELS = np.full((12, 12, 3), 200, np.uint8)
ACCURACY = Curves([0.6, 0.9, 0.99], [0.7, 0.91, 0.9])
LOSS = Curves([1.0, 0.5, 0.1], [0.8, 0.4, 0.5])
SCORES = Scores(Classification(("cat", "dog")))


def opened(path) -> Image.Image:
    with Image.open(path) as figure:
        figure.load()
        return figure


def mistakes(count: int) -> list[Mistake]:
    one = Mistake(
        image=PIXELS, predicted="predicted so", confidence=0.9, true="true so", path="so/1.jpg"
    )
    return [one] * count


def counts(classes: int) -> np.ndarray:
    found = np.diag(np.arange(1, classes + 1))
    found[0, -1] += 3
    found[-1, 0] += 7
    return found


DRAWN = {
    "learning": lambda path: save_learning(path, ACCURACY, LOSS, 2, SCORES),
    "one epoch": lambda path: save_learning(
        path, Curves([0.5], [0.5]), Curves([1.0], [1.0]), 1, SCORES
    ),
    "preview": lambda path: save_preview(
        path,
        [[PIXELS] * 4] * 2,
        ["original", "magnitude 1", "magnitude 1", "magnitude 2"],
        ["a", "b"],
    ),
    "no mistakes": lambda path: save_mistakes(path, [], 0, 9),
    "mistakes": lambda path: save_mistakes(path, mistakes(9), 12, 99),
    "2 classes": lambda path: save_matrix(path, counts(2), ["cat", "dog"]),
    "all right": lambda path: save_matrix(path, np.diag([3, 4]), ["cat", "dog"]),
    "130 classes": lambda path: save_matrix(path, counts(130), [f"flower {i}" for i in range(130)]),
}


@pytest.mark.parametrize("name", DRAWN)
def test_a_figure_is_one_light_sheet_and_equal_bytes_each_time(tmp_path, name):
    """Transparent outside its round corners, paper within; two drawings do not differ."""
    for file in ("a.png", "b.png"):
        DRAWN[name](tmp_path / file)
    figure = opened(tmp_path / "a.png").convert("RGBA")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert max(figure.size) < 2400
    assert figure.getpixel((0, 0))[3] == 0
    red, green, blue, whole = figure.getpixel((12, figure.height // 2))
    assert min(red, green, blue) > 245
    assert whole == 255


def test_nothing_runs_over_the_edge_of_the_sheet(tmp_path):
    """Longest names and remarks leave the margin of every figure as paper."""
    long = "a name that is much longer than any place for it"
    save_matrix(tmp_path / "matrix.png", counts(8), [f"{long} {i}" for i in range(8)])
    save_mistakes(tmp_path / "mistakes.png", mistakes(1), 1, 123_456)
    save_learning(tmp_path / "learning.png", ACCURACY, LOSS, 2, SCORES)
    for path in tmp_path.glob("*.png"):
        pixels = np.asarray(opened(path).convert("RGB"), int)
        for band in (pixels[20:-20, 4:9], pixels[20:-20, -9:-4], pixels[-9:-4, 20:-20]):
            assert band.min() > 245, path.name


def test_the_gap_is_named_at_the_kept_epoch():
    """Training less validation, in points, with the epoch and the score it belongs to."""
    assert gap(ACCURACY, 3) == pytest.approx(0.09)
    assert "Epoch 3 is the best, with a validation accuracy of 90.0%" in sentence(
        ACCURACY, 3, SCORES
    )
    assert "+9.0 points there: training is ahead" in sentence(ACCURACY, 3, SCORES)
    assert "\N{MINUS SIGN}10.0 points there: training is not ahead" in sentence(ACCURACY, 1, SCORES)


def test_the_commonest_confusions_come_first():
    """Pairs of true and predicted class; right answers and empty fields are none."""
    assert confusions(counts(5), 9) == [(4, 0), (0, 4)]
    assert confusions(counts(5), 1) == [(4, 0)]
    assert confusions(np.diag([3, 4]), 9) == []


def test_small_fractions_of_mistakes_are_seen():
    """One in a hundred has a tenth of the full shade; a class without images has none."""
    dark = shades(np.array([[99, 1, 0], [0, 4, 0], [0, 0, 0]]))
    assert dark[0, 0] == pytest.approx(0.99)
    assert dark[0, 1] == pytest.approx(0.1)
    assert dark[2].tolist() == [0, 0, 0]


def test_ticks_and_names_are_thinned_to_what_can_be_read():
    """Evenly from the first on; a long name loses its middle, not its end."""
    assert thinned([f"{i}" for i in range(10)], 4) == ([0, 3, 6, 9], ["0", "3", "6", "9"])
    assert thinned(["a", "b"], 4) == ([0, 1], ["a", "b"])
    assert shortened("forget-me-not of the alps", 11) == "forge… alps"
    assert (percent(0.975), percent(0.9500000001)) == ("97.5%", "95%")
    assert signed(-0.04) == "\N{MINUS SIGN}0.0"
