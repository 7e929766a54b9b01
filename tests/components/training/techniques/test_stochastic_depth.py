"""Residual branches are dropped at timm's rates, in training alone."""

from dataclasses import replace

import pytest
import torch
from timm import create_model
from timm.layers import DropPath

from components.frame.errors import InertError, UsageError
from components.model.backbone import create
from components.model.groups import groups
from components.training.fit import fit
from components.training.recipe import Recipe, Setting
from components.training.techniques.stochastic_depth import StochasticDepth

CPU = torch.device("cpu")
SETTING = Setting(freeze_depth=0, learning_rate=1e-2, stochastic_depth=0.4)
RECIPE = Recipe(setting=SETTING, epochs=1, patience=1, seed=0)


def rates(model):
    """What is dropped in it, by path."""
    parts = ((path, part) for path, part in model.named_modules() if isinstance(part, DropPath))
    return {path: part.drop_prob for path, part in parts}


@pytest.mark.parametrize(
    "architecture", ["mobilenetv3_small_050", "test_resnet", "test_vit", "test_convnext"]
)
def test_it_drops_as_a_network_that_timm_built_for_it(architecture):
    """At the same places by the same draws; afterwards the network is as it was."""
    size = 160 if architecture == "test_vit" else 32
    model = create(architecture, 2, size, {})
    reference = create_model(architecture, num_classes=2, drop_path_rate=0.4)
    reference.load_state_dict(model.state_dict())
    images = torch.randn(8, 3, size, size)
    before, state = str(model), torch.get_rng_state()
    technique = StochasticDepth(0.4)
    technique.prepare(model, groups(model))
    assert torch.equal(torch.get_rng_state(), state)
    with technique.around_epoch(model, 1):
        model.train()
        reference.train()
        assert rates(model) == {path: rate for path, rate in rates(reference).items() if rate}
        outputs = []
        for one in (model, reference):
            torch.manual_seed(1)
            outputs.append(one(images))
    assert torch.equal(*outputs)
    strides = 4 if architecture.startswith("mobile") else 0  # those blocks have no branch
    assert technique.in_force() == {"rate": 0.4, "layers": len(rates(reference)) - strides}
    assert str(model) == before


@pytest.fixture
def train(images, tmp_path, feed_of):
    def run(setting=SETTING, architecture="test_resnet"):
        torch.manual_seed(0)
        model = create(architecture, 2, 32, {})
        done = fit(
            model,
            groups(model),
            feed_of(images),
            images.task,
            replace(RECIPE, setting=setting),
            device=CPU,
            keep=tmp_path / str(hash(setting)),
            keep_best=False,
            on_epoch=lambda *_: False,
        )
        return model, done

    return run


def test_a_fit_drops_and_what_it_trained_does_not(train):
    """The losses are others than without; the network's form, and so its answers, are its own."""
    model, done = train()
    _, plain = train(replace(SETTING, stochastic_depth=0.0))
    assert done.history[0].train_loss != plain.history[0].train_loss
    assert done.techniques["stochastic_depth"] == {"rate": 0.4, "layers": 3}
    assert not rates(model)
    fresh = create("test_resnet", 2, 32, {})
    fresh.load_state_dict(model.state_dict())
    pixels = torch.randn(2, 3, 32, 32)
    torch.testing.assert_close(model.eval()(pixels), fresh.eval()(pixels))


def test_frozen_branches_are_not_dropped(train):
    """Those that train alone are counted."""
    _, done = train(replace(SETTING, freeze_depth=4))
    assert done.techniques["stochastic_depth"]["layers"] == 1


@pytest.mark.parametrize(("architecture", "depth"), [("test_resnet", 5), ("test_efficientnet", 0)])
def test_where_no_branch_is_dropped_it_is_an_error(train, architecture, depth):
    """All are frozen; or timm has the modules, but no block of the network uses them."""
    with pytest.raises(InertError, match="no layer that trains has a branch to drop"):
        train(replace(SETTING, freeze_depth=depth), architecture)


def test_a_network_without_branches_refuses():
    """With the parameter and the value that asks for nothing."""
    with torch.device("meta"):
        model = create("vgg11", 2, 32, {})
    with pytest.raises(UsageError, match=r"search.stochastic_depth must be 0.0 for VGG"):
        StochasticDepth(0.1).prepare(model, groups(model))
