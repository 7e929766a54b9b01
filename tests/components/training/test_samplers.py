"""Which images an epoch draws: each class equally often, or the easy ones first."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from components.frame.errors import UsageError
from components.training import samplers
from components.training.compute import Compute
from components.training.difficulty import image_losses
from components.training.samplers import EASIEST, Curriculum, Sampling

TARGETS = np.array([0] * 80 + [1] * 16 + [2] * 4)


def rows(sampling, epoch=1, *, targets=TARGETS, size=10, seed=0):
    return sampling.rows(targets, size, seed=seed, epoch=epoch)


def test_shuffled_draws_every_image_once():
    """But for the incomplete last batch."""
    assert sorted(rows(Sampling())) == list(range(100))
    assert len(set(rows(Sampling(), size=30))) == len(rows(Sampling(), size=30)) == 90


def test_balanced_draws_every_class_equally_often_in_an_epoch_as_long_as_ever():
    """And the images of a class equally often, within one."""
    drawn = rows(Sampling(sampler="balanced"))
    assert len(drawn) == 100
    assert sorted(np.bincount(TARGETS[drawn])) == [33, 33, 34]
    for of_class in samplers.strata(TARGETS):
        times = np.bincount(drawn, minlength=100)[of_class]
        assert times.max() - times.min() <= 1


def test_seed_and_epoch_decide_what_is_drawn():
    """The same each time it is asked for."""
    for sampler in samplers.SAMPLERS:
        one = Sampling(sampler=sampler)
        assert np.array_equal(rows(one), rows(one))
        assert not np.array_equal(rows(one), rows(one, epoch=2))
        assert not np.array_equal(rows(one), rows(one, seed=1))


def test_an_image_drawn_twice_is_augmented_twice(images, feed_of):
    """A rare class that is drawn often would otherwise be the same few pictures."""
    targets = np.where(np.arange(len(images.train)) < 2, 1, 0)
    rare = replace(images, train=replace(images.train, targets=targets))
    feed = replace(feed_of(rare), sampling=Sampling(sampler="balanced"))
    seen = torch.cat([b.inputs[b.targets == 1] for b in feed.training(1)])
    assert len(seen) == 20
    assert len(seen.unique(dim=0)) > 15
    again = torch.cat([b.inputs[b.targets == 1] for b in feed.training(1)])
    assert torch.equal(seen, again)


def curriculum(length=0.5, epochs=10):
    losses = np.random.default_rng(0).permutation(len(TARGETS)).astype(float)
    return Curriculum(losses=tuple(losses), epochs=epochs, length=length)


def test_pace_is_exponential_until_all_images_take_part():
    """Equal factors from an epoch to the next, as Hacohen and Weinshall (2019) have it."""
    fractions = [curriculum().fraction(epoch) for epoch in range(1, 11)]
    assert fractions[0] == pytest.approx(EASIEST)
    assert fractions[5:] == [1.0] * 5
    assert np.allclose(np.diff(np.log(fractions[:6])), np.log(1 / EASIEST) / 5)


def test_curriculum_draws_the_easiest_of_every_class_in_an_epoch_as_long_as_ever():
    """Those with the lowest loss, again and again; at last all."""
    asked = curriculum()
    drawn = rows(Sampling(curriculum=asked), epoch=3)
    assert len(drawn) == 100
    losses = np.array(asked.losses)
    for of_class in samplers.strata(TARGETS):
        number = max(1, round(asked.fraction(3) * len(of_class)))
        easiest = of_class[np.argsort(losses[of_class])[:number]]
        assert set(drawn) & set(of_class) == set(easiest)
    assert sorted(rows(Sampling(curriculum=asked), epoch=6)) == list(range(100))


def test_hard_is_what_a_classifier_on_pretrained_features_gets_wrong(images, pretrained):
    """An image under the other class's name is among the hardest; the network stays as it was."""
    targets = images.train.targets.copy()
    targets[7] = 1 - targets[7]
    model = pretrained.network(0)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    split = replace(images.train, targets=targets)
    losses = image_losses(model, split, Compute(batch_size=16, device=torch.device("cpu")))
    assert len(losses) == len(split)
    assert np.argsort(losses)[-1] == 7
    assert all(torch.equal(model.state_dict()[name], before[name]) for name in before)


@pytest.mark.parametrize(
    ("samplers_", "curricula", "targets", "said"),
    [
        (["balanced"], [0.0], np.arange(10) % 2, "every class has 5 images"),
        (["balanced"], [0.0], np.ones((10, 1), np.float32), "a task with classes"),
        (["shuffled"], [0.5], np.ones((10, 1), np.float32), "a task with classes"),
    ],
)
def test_what_could_not_be_in_force_is_refused(samplers_, curricula, targets, said):
    """Where the images tell."""
    with pytest.raises(UsageError, match=said):
        samplers.check(samplers_, curricula, targets, "params/search.yaml")
