"""Losses against the formulas of torch, of scikit-learn and of the paper."""

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch.nn import functional

from components.frame.errors import UsageError
from components.tasks.classification import Classification
from components.tasks.task import LossRequest

TASK = Classification(("ant", "bee", "cat"))
LABELS = np.array([0] * 12 + [1] * 6 + [2] * 2)


def outputs(rows=None):
    return torch.randn(rows or len(LABELS), 3, generator=torch.Generator().manual_seed(0))


def loss(labels=LABELS, **asked):
    return TASK.loss(LossRequest(**asked), labels)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_balanced_weights_are_scikit_learns_in_torchs_weighted_loss(reduction):
    """The mean is over weights, not over images."""
    weight = compute_class_weight("balanced", classes=np.arange(3), y=LABELS)
    true = torch.from_numpy(LABELS)
    found = loss(class_weights="balanced")(outputs(), true, reduction=reduction)
    expected = functional.cross_entropy(
        outputs(), true, weight=torch.from_numpy(weight).float(), reduction=reduction
    )
    torch.testing.assert_close(found, expected)
    plain = functional.cross_entropy(outputs(), true, reduction=reduction)
    assert abs(float(found - plain)) > 1e-3


def test_weights_by_name_leave_the_others_at_one():
    """And of a blended image the weight is the blend of its classes'."""
    weighted, plain = loss(class_weights='{"cat": 3.0}'), loss()
    blended = TASK.blendable(torch.tensor([0, 2])) * 0.25
    blended = blended + TASK.blendable(torch.tensor([2, 1])) * 0.75
    assert weighted.weight(blended) == pytest.approx(0.25 + 0.75 * 3 + 0.25 * 3 + 0.75)
    two = outputs(2)
    each = [plain(two[[row]], blended[[row]], reduction="sum") for row in (0, 1)]
    expected = (each[0] * 2.5 + each[1] * 1.5) / 4
    torch.testing.assert_close(weighted(two, blended, reduction="mean"), expected)


def test_focal_loss_is_the_papers():
    """-(1 - p)^gamma log p of the true class (Lin et al. 2017), by hand."""
    p = outputs().double().softmax(1)[torch.arange(len(LABELS)), torch.from_numpy(LABELS)]
    for gamma in (0.0, 0.5, 2.0, 5.0):
        found = loss(loss="focal", focal_gamma=gamma)
        expected = -((1 - p) ** gamma * p.log())
        total = found(outputs(), torch.from_numpy(LABELS), reduction="sum")
        torch.testing.assert_close(total.double(), expected.sum(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("blended", [False, True])
def test_focal_loss_without_gamma_is_smoothed_cross_entropy(blended):
    """Of blended targets too."""
    true = torch.from_numpy(LABELS)
    true = 0.3 * TASK.blendable(true) + 0.7 * TASK.blendable(true.roll(1)) if blended else true
    found = loss(loss="focal", focal_gamma=0.0, label_smoothing=0.1)
    expected = functional.cross_entropy(outputs(), true, label_smoothing=0.1)
    torch.testing.assert_close(found(outputs(), true, reduction="mean"), expected)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_a_probability_of_one_has_a_slope(gamma):
    """The slope of a power below one has no bound where the power's base is zero."""
    sure = torch.tensor([[200.0, 0.0, 0.0]], requires_grad=True)
    loss(loss="focal", focal_gamma=gamma)(sure, torch.tensor([0]), reduction="mean").backward()
    assert torch.isfinite(sure.grad).all()


def test_a_class_that_is_none_is_refused_with_near_ones():
    """A weight for nothing would do nothing."""
    with pytest.raises(UsageError, match=r"'bees' is none\. Near are: bee\."):
        loss(class_weights='{"bees": 2.0}')
    with pytest.raises(UsageError, match=r"'wolf' is none\. There are: ant, bee, cat\."):
        loss(class_weights='{"wolf": 2.0}')


def test_weights_that_are_all_the_same_are_refused():
    """Asked for and not in force is an error."""
    with pytest.raises(UsageError, match="balanced weighs all classes the same here"):
        loss(np.array([0, 1, 2, 0, 1, 2]), class_weights="balanced")
