"""Classification as a task: its score, its answers and what is kept of them."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import accuracy_score
from torch.nn import functional

from components.frame.errors import UsageError
from components.tasks import registry
from components.tasks.classification import Classification
from components.tasks.task import LossRequest

TASK = Classification(("ant", "bee", "cat"))
OUTPUTS = torch.tensor([[2.0, 1.0, 0.0], [0.0, 0.5, 0.4], [1.0, 3.0, 2.0], [0.0, 0.1, 5.0]])
TRUTH = pd.Series(["ant", "cat", "bee", "cat"])
LABELS = np.array([0, 2, 1, 2])
RIGHT = [1.0, 0.0, 1.0, 1.0]


def targets():
    return torch.from_numpy(TASK.targets(pd.DataFrame({"class": TRUTH})))


def test_classes_are_those_of_the_table_in_order():
    """Whatever the order of its rows."""
    table = pd.DataFrame({"class": ["cat", "ant", "bee", "cat"]})
    assert Classification.of(table) == TASK
    assert TASK.targets(table).tolist() == [2, 0, 1, 2]


def test_score_is_the_same_in_training_and_as_served():
    """From outputs, from blended targets, from served answers and as it is kept."""
    answers = TASK.answers(OUTPUTS).numpy()
    assert TASK.scores(OUTPUTS, targets()).tolist() == RIGHT
    blended = 0.9 * TASK.blendable(targets()) + 0.1 / 3
    assert TASK.scores(OUTPUTS, blended).tolist() == RIGHT
    assert TASK.grade(TASK.served(answers), TRUTH).tolist() == RIGHT
    kept = TASK.predictions(answers, TRUTH)
    assert kept["score"].tolist() == RIGHT
    expected = accuracy_score(TRUTH, kept["predicted"])
    assert TASK.metrics(answers, TRUTH)[TASK.score_name] == expected


def test_loss_is_smoothed_cross_entropy():
    """As torch has it."""
    for reduction in ("mean", "sum"):
        asked = LossRequest(label_smoothing=0.1)
        found = TASK.loss(asked, LABELS)(OUTPUTS, targets(), reduction=reduction)
        expected = functional.cross_entropy(
            OUTPUTS, targets(), reduction=reduction, label_smoothing=0.1
        )
        assert found == expected


def test_served_answer_names_the_class_and_every_probability():
    """They add up to one."""
    table = TASK.served(TASK.answers(OUTPUTS).numpy())
    assert list(table) == ["class", "probability_ant", "probability_bee", "probability_cat"]
    assert table["class"].tolist() == ["ant", "bee", "bee", "cat"]
    assert np.allclose(table.drop(columns="class").sum(axis=1), 1)


def test_classes_that_a_model_lacks_are_told():
    """Of another model, and of images."""
    less = Classification(("ant", "dog"))
    assert less.lacking(TASK) == ("bee", "cat")
    assert less.answerable(TRUTH).tolist() == [True, False, False, False]


def test_task_is_read_as_it_was_described():
    """By its name; another one is refused with those that there are."""
    assert registry.from_description(registry.described(TASK)) == TASK
    with pytest.raises(UsageError, match="must be one of classification, but is 'detection'"):
        registry.task_class("detection")


def test_the_surest_mistakes_come_first():
    """Equal ones by their paths; what is right is none."""
    answers = np.array([[0.4, 0.6, 0.0], [0.9, 0.1, 0.0], [0.0, 0.9, 0.1], [0.4, 0.6, 0.0]])
    truth = pd.Series(["x", "x", "z", "x"])
    names = Classification(("x", "y", "z"))
    told = names.predictions(answers, truth).assign(path=["d", "c", "b", "a"])
    assert names.mistakes(told).to_numpy().tolist() == [
        ["b", "z", "y", 0.9],
        ["a", "x", "y", 0.6],
        ["d", "x", "y", 0.6],
    ]
