"""Mixup blends what a task calls blendable, of whatever shape."""

import pytest
import torch

from components.data.batch import Batch
from components.tasks.classification import Classification
from components.training.techniques.mixup import Mixup

TASK = Classification(("a", "b", "c"))


class Shaped:
    """A task whose targets are floats already: numbers, or a mask an image."""

    def blendable(self, targets):
        return targets


@pytest.mark.parametrize("shape", [(), (1,), (4, 4), (2, 4, 4)])
@pytest.mark.parametrize("rows", [1, 5])
def test_targets_of_any_shape_are_blended_as_the_images_are(shape, rows):
    """Each with the one before, by one weight; a last odd batch too."""
    images, targets = torch.randn(rows, 3, 4, 4), torch.randn(rows, *shape)
    blended = Mixup(1.0, Shaped()).batch(Batch(images, targets), seed=3)
    before, place = images.roll(1, 0), (0, 0, 0, 0)
    moved, whole = (blended.inputs - before)[place], (images - before)[place]
    weight = float((moved / whole).nan_to_num(1.0))
    expected = weight * targets + (1 - weight) * targets.roll(1, 0)
    assert torch.allclose(blended.targets, expected, atol=1e-4)
    assert blended.targets.shape == targets.shape


def test_the_seed_of_a_step_decides_the_weight():
    """And torch's own random state is left as it was."""
    batch = Batch(torch.randn(4, 3, 4, 4), torch.tensor([0, 1, 2, 0]))
    state = torch.get_rng_state()
    one, same, other = (Mixup(0.5, TASK).batch(batch, seed) for seed in (1, 1, 2))
    assert torch.equal(one.inputs, same.inputs)
    assert not torch.equal(one.inputs, other.inputs)
    assert torch.allclose(one.targets.sum(1), torch.ones(4))
    assert torch.equal(torch.get_rng_state(), state)
