"""Where fits start: a head of the weights' own is kept by the names of its outputs."""

from dataclasses import replace

import pytest
import torch

from components.training.pretrained import Renewable

OLD, NEW = ("cat", "dog", "owl"), ("ant", "cat", "owl", "yak")


@pytest.fixture
def known(pretrained):
    """Weights with a classifier of three classes, for a task of four, two of them the same."""
    drawn = torch.Generator().manual_seed(1)
    state = dict(pretrained.state)
    state["classifier.weight"] = torch.randn(
        3, state["classifier.weight"].shape[1], generator=drawn
    )
    state["classifier.bias"] = torch.randn(3, generator=drawn)
    config = replace(pretrained.config, classes=3, names=OLD)
    return replace(pretrained, config=config, state=state, outputs=4, names=NEW)


def head(model):
    return model.classifier.weight.detach(), model.classifier.bias.detach()


def test_known_rows_are_kept_by_name_and_new_ones_drawn(known):
    """In the order of the new names; the seed draws only what is new."""
    (one, offsets), (other, _) = (head(known.network(seed)) for seed in (0, 1))
    for row, old in ((1, 0), (2, 2)):
        assert torch.equal(one[row], known.state["classifier.weight"][old])
        assert torch.equal(other[row], one[row])
        assert offsets[row] == known.state["classifier.bias"][old]
    for row in (0, 3):
        assert not torch.equal(other[row], one[row])
        assert 0 < one[row].std() < 0.03
        assert offsets[row] == 0
    assert known.known == (1, 2)


def test_every_trial_starts_with_what_is_known(known):
    """A network that is made anew has the head of one that is built."""
    renewable = Renewable(known, torch.device("cpu"))
    with torch.no_grad():
        renewable.model.classifier.weight.zero_()
    for one, other in zip(head(renewable.renew(3)), head(known.network(3)), strict=True):
        assert torch.equal(one, other)


def test_a_head_without_names_is_drawn_whole(known):
    """Of weights of another kind, or for a task whose outputs have none."""
    bare = replace(known, config=replace(known.config, names=()))
    one, _ = head(bare.network(0))
    assert one.std() < 0.03
    assert bare.known == replace(known, names=()).known == ()
