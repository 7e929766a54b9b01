"""Whether images may be mirrored is seen on them: digits and arrows not, what is symmetric."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from components.data.images.dataset import Split
from components.data.images.transform import Transform
from components.model.backbone import create
from components.training.mirroring import ERRORS, mirroring

SIZE = 32
TRANSFORM = Transform(size=SIZE, resize=SIZE, mean=(0.5,) * 3, std=(0.5,) * 3)


def split_of(images, targets):
    """Images (n, SIZE, SIZE, 3) as a stage has them."""
    return Split(images, np.arange(len(images)), np.asarray(targets), TRANSFORM)


def digits():
    """As scikit-learn has them: 8 x 8, enlarged."""
    read = load_digits()
    images = np.uint8(read.images * 15)
    large = [cv2.resize(one, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC) for one in images]
    return np.stack([np.stack([one] * 3, axis=-1) for one in large]), read.target


def arrows(kinds, count=300):
    """Of some directions, each at a place and of a brightness of its own."""
    drawn, images = np.random.default_rng(0), []
    for number in range(count):
        image = drawn.integers(0, 60, (SIZE, SIZE, 3)).astype(np.uint8)
        middle, step = drawn.integers(12, 20, 2), np.array(kinds[number % len(kinds)])
        tail, tip = (middle - step).tolist(), (middle + step).tolist()
        bright = int(drawn.integers(150, 255))
        images.append(cv2.arrowedLine(image, tail, tip, (bright,) * 3, 2, tipLength=0.6))
    return np.stack(images), np.arange(count) % len(kinds)


LEFT, RIGHT, UP, DOWN = (-8, 0), (8, 0), (0, -8), (0, 8)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return create("test_efficientnet", 2, SIZE, {})


def found(network, images, targets):
    names = [f"class {number}" for number in range(targets.max() + 1)]
    return mirroring(network, split_of(images, targets), names)


def test_digits_are_not_mirrored(network):
    result = found(network, *digits())
    assert not result.allowed
    assert result.images == 400, "not all: it is to cost little"
    assert result.sentence().startswith("training does not mirror images: of 400 images ")


def test_left_is_not_right(network):
    assert not found(network, *arrows([LEFT, RIGHT, UP])).allowed


def test_up_and_down_bear_it(network):
    result = found(network, *arrows([UP, DOWN]))
    assert result.allowed
    assert result.sentence().startswith("training may mirror images: of 300 images ")


def test_one_pair_of_many_classes_is_enough(network):
    """And named: left and right among digits that are symmetric, such as 0 and 8."""
    images, targets = digits()
    chosen = np.isin(targets, [0, 8])
    mixed, labels = arrows([LEFT, RIGHT], 200)
    together = np.concatenate([images[chosen], mixed])
    numbers = np.concatenate([np.where(targets[chosen] == 0, 0, 1), labels + 2])
    result = found(network, together, numbers)
    assert not result.allowed
    assert "class 2" in result.sentence() or "class 3" in result.sentence()


def test_a_network_that_is_blind_to_it_does_not_decide(network, monkeypatch):
    """The images themselves are asked too."""
    monkeypatch.setattr(
        "components.training.mirroring.head_inputs",
        lambda _model, batches, device: [  # as it is called
            np.concatenate([(b.inputs + b.inputs.flip(3)).mean((1, 2)).numpy() for b in batches])
        ],
    )
    images, targets = digits()
    assert not found(SimpleNamespace(parameters=network.parameters), images, targets).allowed


def test_equal_calls_give_equal_answers(network):
    assert found(network, *arrows([LEFT, RIGHT])) == found(network, *arrows([LEFT, RIGHT]))


def test_few_images_do_not_refuse_by_chance(network):
    """Noise is no evidence: over a few draws the error of the first kind is near its size."""
    refused = 0
    for seed in range(8):
        drawn = np.random.default_rng(seed)
        images = drawn.integers(0, 255, (24, SIZE, SIZE, 3)).astype(np.uint8)
        refused += not found(network, images, np.arange(24) % 2).allowed
    assert refused <= 2, f"{refused} of 8 beyond {ERRORS} standard errors"
