"""A linear model of features gives scikit-learn's own probabilities, standardisation included."""

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from components.frame.errors import DataError
from components.tasks.linear import ITERATIONS, STRENGTHS, _folds, logistic

ROWS, WIDTH = 90, 7


@pytest.fixture(params=[2, 3])
def labelled(request):
    """Features of very different scales, one of them constant, and labels that follow from them."""
    rng = np.random.default_rng(0)
    labels = np.arange(ROWS) % request.param
    features = rng.normal(size=(ROWS, WIDTH)) + 0.8 * labels[:, None]
    features = features * 10.0 ** np.arange(-3, WIDTH - 3) + 5.0
    features[:, 2] = 4.0
    return features.astype(np.float32), labels, request.param


def probabilities(model, features):
    return softmax(features.astype(np.float64) @ model.weight.T.astype(np.float64) + model.bias, 1)


def test_probabilities_are_those_of_scikit_learn_on_standardised_features(labelled):
    features, labels, classes = labelled
    found = logistic(features, labels, classes)
    reference = make_pipeline(StandardScaler(), LogisticRegression(C=found.strength, max_iter=1000))
    reference.fit(features.astype(np.float64), labels)
    asked = reference.predict_proba(features.astype(np.float64))
    assert found.strength in STRENGTHS
    assert np.abs(probabilities(found, features) - asked).max() < 1e-3


def test_of_several_views_the_first_one_says_how_strong(labelled):
    """All of them are learnt from."""
    features, labels, classes = labelled
    noise = np.random.default_rng(2).permutation(features)
    found = logistic(np.stack([features, noise]), labels, classes)
    assert found.strength == logistic(features, labels, classes).strength
    reference = make_pipeline(StandardScaler(), LogisticRegression(C=found.strength, max_iter=1000))
    reference.fit(np.concatenate([features, noise]).astype(np.float64), np.tile(labels, 2))
    asked = reference.predict_proba(features.astype(np.float64))
    assert np.abs(probabilities(found, features) - asked).max() < 1e-3


def test_strength_has_the_lowest_log_loss_on_held_out_images(labelled):
    features, labels, classes = labelled
    noise = np.random.default_rng(1).permutation(labels)
    told = logistic(features, labels, classes).strength
    assert logistic(features, noise, classes).strength < told


def test_a_class_without_training_images_is_never_the_answer(labelled):
    features, labels, classes = labelled
    found = logistic(features, labels + (labels > 0), classes + 1)
    assert found.weight.shape == (classes + 1, WIDTH)
    assert not found.weight[1].any()
    assert 1 not in probabilities(found, features).argmax(1)


def test_without_a_bias_features_are_scaled_alone(labelled):
    features, labels, classes = labelled
    features = features - features.mean(0)
    found = logistic(features, labels, classes, biased=False)
    assert not found.bias.any()
    scaler = StandardScaler(with_mean=False)
    reference = LogisticRegression(C=found.strength, fit_intercept=False, max_iter=2000)
    scaled = scaler.fit_transform(features.astype(np.float64))
    asked = reference.fit(scaled, labels).predict_proba(scaled)
    assert np.abs(probabilities(found, features) - asked).max() < 0.02


def test_folds_leave_out_each_image_once_but_a_class_first(labelled):
    """Of more than a few images a fifth."""
    _, labels, classes = labelled
    held = np.concatenate([out for _, out in _folds(labels)])
    assert sorted(held) == list(range(classes, ROWS))
    many = np.repeat(labels, 4)
    ((rest, out),) = _folds(many)
    assert len(out) == len(many) // 5
    assert set(rest) == set(range(len(many))) - set(out)
    rare = np.arange(400) % 200  # two images of each class
    ((_, out),) = _folds(rare)
    assert len(out) == 200


def test_one_image_of_each_class_will_do():
    features = np.eye(4, 6, dtype=np.float32)
    found = logistic(features, np.arange(4), 4)
    assert found.strength == STRENGTHS[0]
    assert (probabilities(found, features).argmax(1) == np.arange(4)).all()


def test_one_class_alone_is_refused():
    with pytest.raises(DataError, match="two classes or more"):
        logistic(np.zeros((4, 2), np.float32), np.zeros(4, int), 3)


def test_equal_calls_give_equal_bits(labelled):
    features, labels, classes = labelled
    one, other = (logistic(features, labels, classes) for _ in range(2))
    assert np.array_equal(one.weight, other.weight)
    assert np.array_equal(one.bias, other.bias)


def test_images_count_by_the_weights_of_their_classes():
    """As scikit-learn's own `class_weight` on standardised features has it."""
    drawn = np.random.default_rng(3)
    labels = np.repeat([0, 1, 2], [200, 30, 10])
    features = (drawn.normal(size=(240, 4)) + np.eye(4)[labels]).astype(np.float32)
    weights = np.array([1.0, 4.0, 20.0], dtype=np.float32)
    found = logistic(features, labels, 3, weights=weights)
    pipeline = make_pipeline(
        StandardScaler(),
        LogisticRegression(
            C=found.strength, class_weight=dict(enumerate(weights)), max_iter=ITERATIONS
        ),
    ).fit(features, labels)
    ours = features @ found.weight.T + found.bias
    theirs = pipeline.decision_function(features)
    assert (ours.argmax(1) == theirs.argmax(1)).mean() > 0.99
    plain = logistic(features, labels, 3)
    said = (features @ plain.weight.T + plain.bias).argmax(1)
    assert (ours.argmax(1) == 2).sum() > 2 * (said == 2).sum()
