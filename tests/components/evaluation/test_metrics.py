"""Figures agree with other implementations."""

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from components.evaluation import metrics


def case(seed, images=200, classes=4):
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, classes, images)
    scores = generator.normal(size=(images, classes)) + 1.5 * np.eye(classes)[labels]
    probabilities = torch.tensor(scores, dtype=torch.float32).softmax(1).numpy()
    return labels, probabilities


def test_mean_recall_is_the_balanced_accuracy():
    """Where classes are imbalanced; also where one is missing."""
    labels, probabilities = case(3)
    seen = (labels == 0) | ((labels == 2) & (np.arange(len(labels)) % 9 == 0))
    found = metrics.overall(labels[seen], probabilities[seen])["macro_recall"]
    guesses = probabilities[seen].argmax(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some answers name classes that are not there
        expected = reference.balanced_accuracy_score(labels[seen], guesses)
    assert found == pytest.approx(expected)


@settings(max_examples=10)
@given(seed=st.integers(0, 10_000))
def test_figures_are_scikit_learns_and_torchs(seed):
    """Accuracy, F1, ROC AUC and log loss from elsewhere."""
    labels, probabilities = case(seed)
    found = metrics.overall(labels, probabilities)
    guesses = probabilities.argmax(1)
    assert found["accuracy"] == pytest.approx(reference.accuracy_score(labels, guesses))
    for name in ("precision", "recall", "f1"):
        score = getattr(reference, f"{name}_score")
        assert found[f"macro_{name}"] == pytest.approx(score(labels, guesses, average="macro"))
    wide = probabilities.astype(float) / probabilities.astype(float).sum(1, keepdims=True)
    auc = reference.roc_auc_score(labels, wide, multi_class="ovr")
    assert found["roc_auc"] == pytest.approx(auc)
    loss = torch.nn.functional.nll_loss(torch.tensor(probabilities).log(), torch.tensor(labels))
    assert found["log_loss"] == pytest.approx(float(loss), rel=1e-4)


def test_class_that_the_test_set_lacks_breaks_nothing():
    """It has no curve, and no fraction of the mean."""
    labels, probabilities = case(3)
    probabilities = np.concatenate([probabilities, np.zeros((200, 1), dtype=np.float32)], axis=1)
    assert metrics.overall(labels, probabilities)["roc_auc"] == pytest.approx(
        metrics.overall(labels, probabilities[:, :4])["roc_auc"]
    )
    table = metrics.per_class(labels, probabilities, list("abcde"))
    assert table["images"].tolist()[-1] == 0


def test_figures_of_a_class_by_hand():
    """Of four called `a` three are right; of five that are `a` three are found."""
    labels, guesses = np.array([0, 0, 0, 1, 0, 0, 1]), np.array([0, 0, 0, 0, 1, 1, 1])
    table = metrics.per_class(labels, np.eye(2)[guesses], ["a", "b"])
    assert table["precision"].tolist() == pytest.approx([3 / 4, 1 / 3])
    assert table["recall"].tolist() == pytest.approx([3 / 5, 1 / 2])
    assert table["images"].tolist() == [5, 2]


def test_certain_answers_lie_in_the_last_bin():
    """A confidence of 1.0 is above .9, and no bin of its own."""
    bins = metrics.calibration(np.array([0, 0]), np.array([[1.0, 0.0], [0.95, 0.05]]))
    assert bins["images"].tolist() == [2]


def test_calibration_error_by_hand():
    """Six images of confidence .9, half right: a gap of .4; two of .6, all right: .4 too."""
    labels = np.array([0, 0, 0, 1, 1, 1, 0, 0])
    probabilities = np.array([[0.9, 0.1]] * 6 + [[0.6, 0.4]] * 2)
    bins = metrics.calibration(labels, probabilities)
    assert bins["images"].tolist() == [2, 6]
    assert bins["confidence"].tolist() == pytest.approx([0.6, 0.9])
    assert bins["accuracy"].tolist() == pytest.approx([1.0, 0.5])
    assert metrics.calibration_error(bins) == pytest.approx(0.4)


@pytest.mark.parametrize("seed", range(3))
def test_calibration_error_is_the_mean_gap_over_images(seed):
    """As Naeini et al. write it: each bin's gap by the fraction of the images that lie in it."""
    labels, probabilities = case(seed, images=60)
    confidence, right = probabilities.max(1), probabilities.argmax(1) == labels
    place = np.minimum(np.floor(confidence * 10), 9)
    expected = sum(
        (place == one).mean() * abs(confidence[place == one].mean() - right[place == one].mean())
        for one in range(10)
        if (place == one).any()
    )
    assert metrics.calibration_error(metrics.calibration(labels, probabilities)) == pytest.approx(
        expected, rel=1e-5
    )
