"""CutMix against timm's own, and mixup and CutMix taking turns."""

import random

import numpy as np
import pytest
import torch
from timm.data import Mixup as TimmMixup
from timm.data.mixup import cutmix_bbox_and_lam
from timm.data.random_erasing import RandomErasing

from components.data.batch import Batch
from components.frame.errors import InertError, UsageError
from components.tasks.classification import Classification
from components.training.recipe import Setting
from components.training.techniques.blending import drawn_weight
from components.training.techniques.cutmix import CutMix
from components.training.techniques.erasing import Erasing
from components.training.techniques.mixup import Mixup
from components.training.techniques.registry import requested, why_images

TASK = Classification(("a", "b", "c"))
SIZE = 16


def batch(rows=4):
    drawn = torch.Generator().manual_seed(rows)
    return Batch(torch.randn(rows, 3, SIZE, SIZE, generator=drawn), torch.arange(rows) % 3)


@pytest.mark.parametrize("seed", range(6))
def test_a_box_of_the_image_before_is_pasted_and_its_area_is_the_targets(seed):
    """The box and the corrected weight are timm's."""
    given = batch()
    done = CutMix(1.0, TASK).batch(given, seed)
    np.random.seed(seed)  # noqa: NPY002  # timm draws from it
    drawn = drawn_weight(1.0, seed)
    (top, bottom, left, right), weight = cutmix_bbox_and_lam(given.inputs.shape, drawn)
    inside = torch.zeros(SIZE, SIZE, dtype=torch.bool)
    inside[top:bottom, left:right] = True
    expected = torch.where(inside, given.inputs.roll(1, 0), given.inputs)
    assert torch.equal(done.inputs, expected)
    one_hot = TASK.blendable(given.targets)
    torch.testing.assert_close(
        done.targets, float(weight) * one_hot + (1 - float(weight)) * one_hot.roll(1, 0)
    )
    assert float(weight) == pytest.approx(1 - inside.float().mean())


def test_two_images_are_cut_as_timm_cuts_them(monkeypatch):
    """Of two images the one before is the other one, as timm has it."""
    given, weight = batch(2), 0.4
    monkeypatch.setattr("components.training.techniques.cutmix.drawn_weight", lambda *_: weight)
    done = CutMix(1.0, TASK).batch(given, 3)
    monkeypatch.setattr("numpy.random.beta", lambda *_, **__: weight)
    monkeypatch.setattr("numpy.random.rand", lambda *_: 0.0)
    np.random.seed(3)  # noqa: NPY002  # timm draws from it
    timm = TimmMixup(0.0, cutmix_alpha=1.0, label_smoothing=0.0, num_classes=3)
    inputs, targets = timm(given.inputs.clone(), given.targets)
    assert torch.equal(done.inputs, inputs)
    torch.testing.assert_close(done.targets, targets)


def test_with_both_each_batch_is_blended_by_one_of_them():
    """About half of them by each, as the seed says."""
    setting = Setting(freeze_depth=0, learning_rate=1e-3, mixup=1.0, cutmix=1.0)
    mixup, cutmix = [t for t in requested(setting, TASK) if isinstance(t, Mixup | CutMix)]
    given, mixed = batch(), 0
    for seed in range(60):
        blended, pasted = mixup.batch(given, seed), cutmix.batch(given, seed)
        assert (blended is given) != (pasted is given)
        mixed += blended is not given
    assert 15 < mixed < 45


def test_global_states_are_left_as_they_were():
    """Of numpy, Python and torch: timm draws from them."""
    for technique in (CutMix(1.0, TASK), Erasing(1.0)):
        before = np.random.get_state()[1].copy(), random.getstate(), torch.get_rng_state()  # noqa: NPY002
        technique.batch(batch(), 5)
        assert np.array_equal(np.random.get_state()[1], before[0])  # noqa: NPY002
        assert random.getstate() == before[1]
        assert torch.equal(torch.get_rng_state(), before[2])


def test_erasing_is_timms():
    """By the seed of the step; what was given stays as it is."""
    given = batch(8)
    kept = given.inputs.clone()
    technique = Erasing(0.5)
    done = technique.batch(given, 5)
    random.seed(5)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        expected = RandomErasing(0.5, mode="pixel", device="cpu")(kept.clone())
    assert torch.equal(done.inputs, expected)
    assert torch.equal(given.inputs, kept)
    assert done.targets is given.targets
    changed = (done.inputs != kept).flatten(1).any(1)
    assert 0 < changed.sum() < 8
    assert technique.in_force() == {"probability": 0.5}


def test_what_was_never_applied_is_an_error():
    """Asked for and not in force."""
    for technique in (CutMix(1.0, TASK), Erasing(0.5)):
        with pytest.raises(InertError, match="was asked for, but nothing was"):
            technique.in_force()


@pytest.mark.parametrize("asked", [{"cutmix": 1.0}, {"erasing": 0.25}])
def test_changed_images_cannot_come_from_the_cache(asked):
    """It holds what frozen layers made of unchanged ones."""
    assert "before the frozen layers" in why_images(
        Setting(freeze_depth=3, learning_rate=1e-3, **asked), TASK
    )


def test_cutmix_of_numbers_is_refused():
    """A box of an image is no fraction of a number."""
    numbers = type("Numbers", (), {"name": "regression"})()
    with pytest.raises(UsageError, match=r"cutmix must be 0\.0 for regression"):
        CutMix.asked(Setting(freeze_depth=0, learning_rate=1e-3, cutmix=1.0), numbers)
