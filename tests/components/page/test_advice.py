"""What to try next follows from the figures, and is silent where they say nothing."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from components.figures.learning_curves import Curves
from components.figures.scores import Scores
from components.page import classes, confusions, evaluation, images, mistakes, searching, training
from components.page.section import Advice, Section
from components.page.write import best
from components.tasks.classification import Classification

SCORES = Scores(Classification(("cat", "dog")))


def findings(**known):
    return SimpleNamespace(scores=SCORES, **known)


def curves(*validation, error=0.02):
    return pd.DataFrame({"validation_score": validation, "validation_score_error": error})


def asked(**stages):
    return {name: SimpleNamespace(**values) for name, values in stages.items()}


@pytest.mark.parametrize(("train", "said"), [(0.95, True), (0.84, False), (0.7, False)])
def test_training_far_above_validation_asks_for_variety(train, said):
    """Two standard errors are chance."""
    found = findings(history=curves(0.7, 0.8), kept_epoch=2)
    advice = training._ahead(found, Curves([0.6, train], [0.7, 0.8]))
    assert bool(advice) is said
    if said:
        assert "+15.0 points against validation (7.5 standard errors)" in advice[0].reason


@pytest.mark.parametrize(
    ("scores", "kept", "epochs", "said"),
    [
        ((0.5, 0.6, 0.7, 0.8), 4, 4, True),
        ((0.5, 0.8, 0.8, 0.81), 4, 4, False),  # within the error
        ((0.5, 0.6, 0.7, 0.8), 4, 9, False),  # ended before its time
        ((0.5, 0.6, 0.9, 0.8), 3, 4, False),  # not the best
    ],
)
def test_a_score_that_still_rises_asks_for_epochs(scores, kept, epochs, said):
    """By more than its error, at the last epoch that was asked for."""
    found = findings(
        history=curves(*scores), kept_epoch=kept, settings=asked(train={"epochs": epochs})
    )
    advice = training._rising(found)
    assert [one.setting for one in advice] == ["thawline run --set train.epochs=8"] * said


@pytest.mark.parametrize(
    ("rate", "setting"),
    [
        (1e-2, ["thawline run --set search.learning_rate.high=0.03"]),
        (1e-4, ["thawline run --set search.learning_rate.low=3e-05"]),
        (1e-3, []),
    ],
)
def test_a_rate_at_the_end_of_its_range_asks_for_more_of_it(rate, setting):
    """What lies beyond was not looked at; also where the optimizer alone says where the end is."""
    for low, high in ((1e-4, 1e-2), ("auto", "auto")):
        given = SimpleNamespace(low=low, high=high)
        found = findings(
            network=SimpleNamespace(learning_rate=rate),
            settings=asked(search={"learning_rate": given, "optimizer": ["adamw"]}),
        )
        assert [one.setting for one in searching._at_the_edge(found)] == setting


def test_a_wide_interval_says_how_many_images_narrow_it():
    """Half as wide takes four times as many; of all images, by the fraction that is tested."""
    score = {"low": 0.86, "high": 0.94, "fraction": True, "images": 100, "shown": "abc"}
    found = findings(settings=asked(split={"test_fraction": 0.2}))
    (advice,) = evaluation._unsure(score, found)
    assert "about 300 more test images, so about 1,500 more in all" in advice.reason
    assert not evaluation._unsure(score | {"low": 0.89, "high": 0.91}, found)
    assert not evaluation._unsure(score | {"fraction": False}, found)


def table(**changes):
    rows = {
        "name": ["cat", "dog", "eel"],
        "recall": [0.4, 0.9, 0.9],
        "recall_low": [0.3, 0.8, 0.8],
        "recall_high": [0.5, 0.95, 0.95],
        "images": [50, 50, 50],
        "train": [10, 90, 100],
    }
    return pd.DataFrame(rows | changes)


def test_a_class_that_is_clearly_weaker_comes_first():
    """Rare or not makes another advice; one within its interval gives none."""
    found = findings(metrics={"accuracy": 0.8})
    (rare,) = classes._weak(found, table())
    assert rare.title == "Work on cat first"
    assert rare.reason.endswith("bring more of it.")
    (common,) = classes._weak(found, table(train=[90, 90, 90]))
    assert "look at what it is taken for" in common.reason
    assert not classes._weak(found, table(recall_high=[0.85, 0.95, 0.95]))


def test_classes_taken_for_each_other_are_named():
    """Counted both ways; a single image is chance."""
    counts = np.array([[40, 3, 0], [4, 40, 0], [0, 0, 40]])
    (advice,) = confusions._alike(counts, ["cat", "dog", "eel"])
    assert advice.title == "Tell cat and dog apart"
    assert advice.reason.startswith("7 of their 87 test images")
    assert not confusions._alike(np.diag([40, 40, 40]) + np.eye(3, k=1, dtype=int), ["a", "b", "c"])


def test_mistakes_that_the_network_is_sure_of_are_suspects():
    """By name, the surest first, some of many."""
    wrong = pd.DataFrame({"path": [f"{n}.png" for n in range(9)], "probability": 0.99})
    (advice,) = mistakes._suspects(findings(mistakes=wrong))
    assert advice.title == "Check the labels of 9 images"
    assert "0.png, 1.png, 2.png, 3.png, 4.png and 4 more" in advice.reason
    assert not mistakes._suspects(findings(mistakes=wrong.assign(probability=0.9)))


def test_a_rare_class_is_named():
    """Where another has four times as many."""
    (advice,) = images._uneven(pd.Series(["cat"] * 2 + ["dog"] * 8))
    assert advice.title == "Bring more images of cat"
    assert not images._uneven(pd.Series(["cat"] * 3 + ["dog"] * 8))


def test_what_may_be_worth_most_comes_first():
    """Whichever section said it."""
    one, other = (Advice(title=t, reason="", weight=w) for t, w in (("a", 0.1), ("b", 0.9)))
    given = [Section(name="x", title="x", advice=(one,)), Section(name="y", title="y")]
    given.append(Section(name="z", title="z", advice=(other,)))
    assert best(given) == [other, one]
