"""Mixup blends what a task calls blendable, of whatever shape."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import beta, kstest
from torch.nn import functional

from components.data.batch import Batch
from components.model.backbone import create
from components.model.groups import groups
from components.tasks.classification import Classification
from components.training.fit import fit
from components.training.recipe import Recipe, Setting
from components.training.techniques import registry
from components.training.techniques.mixup import Mixup
from components.training.techniques.technique import Technique

TASK = Classification(("a", "b", "c"))


class Shaped:
    """A task whose targets are floats already: numbers, or a mask an image."""

    def blendable(self, targets):
        return targets


@pytest.mark.parametrize("shape", [(), (1,), (4, 4), (2, 4, 4)])
@pytest.mark.parametrize("rows", [1, 5])
def test_targets_of_any_shape_are_blended_as_the_images_are(shape, rows):
    """Each with the one before, by one weight; a last odd batch too."""
    drawn = torch.Generator().manual_seed(rows)
    images = torch.randn(rows, 3, 4, 4, generator=drawn)
    targets = torch.randn(rows, *shape, generator=drawn)
    blended = Mixup(1.0, Shaped()).batch(Batch(images, targets), seed=3)
    before, place = images.roll(1, 0), (0, 0, 0, 0)
    moved, whole = (blended.inputs - before)[place], (images - before)[place]
    weight = float(moved / whole) if rows > 1 else 1.0  # alone it is blended with itself
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


def test_weights_are_of_the_beta_distribution():
    """Both parameters alike, as in the paper."""
    batch, mixup = Batch(torch.zeros(2, 1), torch.tensor([0, 1])), Mixup(0.2, TASK)
    weights = [float(mixup.batch(batch, seed).targets[0, 0]) for seed in range(100)]
    assert kstest(weights, beta(0.2, 0.2).cdf).pvalue > 0.05


class Watch(Technique):
    """Writes down what each step trains on, behind all other techniques."""

    name = "watch"

    def __init__(self, seen):
        self.seen = seen

    def asked(self, setting, task):
        return self

    def batch(self, batch, seed):
        self.seen.append(batch)
        return batch


def test_a_fit_trains_on_blended_images_by_the_papers_loss(images, feed_of, tmp_path, monkeypatch):
    """By hand, for an epoch of one step: w a + (1 - w) b, and w L(a) + (1 - w) L(b)."""
    seen = []
    monkeypatch.setattr(registry, "TECHNIQUES", [*registry.TECHNIQUES, Watch(seen)])
    feed = replace(feed_of(images), batch_size=len(images.train))
    setting = Setting(freeze_depth=0, learning_rate=1e-3, mixup=0.4, label_smoothing=0.0)
    torch.manual_seed(0)
    model, fresh = (create("test_efficientnet", 2, 32, {}) for _ in range(2))
    fresh.load_state_dict(model.state_dict())
    done = fit(
        model,
        groups(model),
        feed,
        images.task,
        Recipe(setting=setting, epochs=2, patience=2, seed=0),
        device=torch.device("cpu"),
        keep=tmp_path / "keep.safetensors",
        keep_best=False,
        on_epoch=lambda *_: False,
    )
    (plain,) = feed.training(1)
    one, other = plain.targets, plain.targets.roll(1)
    differing = int((one != other).nonzero()[0])
    weights = [float(batch.targets[differing, one[differing]]) for batch in seen]
    weight = weights[0]
    by_hand = weight * plain.inputs + (1 - weight) * plain.inputs.roll(1, 0)
    torch.testing.assert_close(seen[0].inputs, by_hand)
    with torch.no_grad():
        outputs = fresh.train()(by_hand)
    losses = [float(functional.cross_entropy(outputs, labels)) for labels in (one, other)]
    assert done.history[0].train_loss == pytest.approx(
        np.dot([weight, 1 - weight], losses), rel=1e-5
    )
    assert done.techniques["mixup"] == {"alpha": 0.4}
    assert len(set(weights)) == len(weights) == 2
