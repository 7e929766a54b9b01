"""The averaged weights are timm's, are validated and kept, and outlive a kill."""

from contextlib import contextmanager
from dataclasses import replace

import pytest
import torch
from timm.utils.model_ema import ModelEmaV3

from components.frame.errors import InertError
from components.model.groups import groups
from components.training import checkpoint
from components.training.fit import fit
from components.training.recipe import Recipe, Setting
from components.training.techniques import registry
from components.training.techniques.ema import Ema
from components.training.techniques.technique import Technique
from components.training.validate import validate

CPU = torch.device("cpu")
SETTING = Setting(freeze_depth=2, learning_rate=1e-2, ema=0.7)
RECIPE = Recipe(setting=SETTING, epochs=2, patience=2, seed=0)


class Reference(Technique):
    """timm's own average, of the whole network, beside whatever else happens in a fit."""

    name = "reference"

    def __init__(self):
        self.average = self.validated = None

    def asked(self, setting, task):
        return self

    def begin(self, model, groups):
        self.average = ModelEmaV3(model, decay=SETTING.ema, use_warmup=True)

    @contextmanager
    def around_step(self, model, step):
        yield
        self.average.update(model, step + 1)


@pytest.fixture
def train(images, pretrained, tmp_path, feed_of):
    """Fit a fresh network; where it ended, and what the fit says."""

    def run(recipe=RECIPE, name="keep", on_epoch=lambda *_: False, **more):
        model = pretrained.network(0)
        torch.manual_seed(0)
        done = fit(
            model,
            groups(model),
            feed_of(images),
            images.task,
            recipe,
            device=CPU,
            keep=tmp_path / f"{name}.safetensors",
            on_epoch=on_epoch,
            **{"keep_best": True, **more},
        )
        return model, done

    return run


def test_what_is_kept_is_the_average_of_timm(train, images, feed_of, pretrained, monkeypatch):
    """Bit by bit, with the statistics of batch normalisation; what is frozen is as it was."""
    reference = Reference()
    monkeypatch.setattr(registry, "TECHNIQUES", [*registry.TECHNIQUES, reference])
    model, done = train(replace(RECIPE, epochs=1))
    expected, start = reference.average.module.state_dict(), pretrained.network(0).state_dict()
    moved = 0
    for name, value in model.state_dict().items():
        assert torch.equal(value, expected[name]), name
        moved += not torch.equal(value, start[name])
    assert done.techniques["ema"] == {
        "decay": 0.7,
        "decay_reached": 1 - 5 ** (-2 / 3),
        "tensors": moved,
    }
    found = validate(model, feed_of(images).validation(), images.task, device=CPU)
    assert found.loss == pytest.approx(done.best.validation_loss, abs=1e-5)


def test_training_goes_on_with_the_weights_themselves(train):
    """Its losses are those of a fit that averages nothing; what validation sees differs."""
    plain, bare = train(
        replace(RECIPE, setting=replace(SETTING, ema=0.0)), "plain", keep_best=False
    )
    ended, averaged = train(name="averaged", keep_best=False)
    assert [e.train_loss for e in averaged.history] == [e.train_loss for e in bare.history]
    assert [e.validation_loss for e in averaged.history] != [
        e.validation_loss for e in bare.history
    ]
    for one, other in zip(plain.parameters(), ended.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_killed_fit_ends_with_the_same_average(train):
    """The average comes back from the checkpoint, to the bit."""

    def cut(epoch, *_):
        if epoch.epoch == 1:
            raise KeyboardInterrupt
        return False

    whole, expected = train(name="whole")
    with pytest.raises(KeyboardInterrupt):
        train(name="cut", on_epoch=cut)
    resumed, found = train(name="cut")
    assert found.history == expected.history
    assert found.techniques == expected.techniques
    for name, value in resumed.state_dict().items():
        assert torch.equal(value, whole.state_dict()[name]), name


def test_the_head_alone_costs_the_average_of_the_head_alone(pretrained):
    """Nothing that is frozen is gone through after a step."""
    model = pretrained.network(0)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name.startswith("classifier"))
    technique = Ema(0.9)
    technique.begin(model, ())
    kept = checkpoint.model_state(model)
    assert {name: v.shape for name, v in technique.state().items()} == {
        name: v.shape for name, v in kept.items()
    }
    assert {name for name in kept if name.startswith("classifier")} == {
        "classifier.weight",
        "classifier.bias",
    }


def test_an_average_of_no_step_is_an_internal_error(pretrained):
    """Asked for and not in force."""
    technique = Ema(0.9)
    technique.begin(pretrained.network(0), ())
    with pytest.raises(InertError, match="nothing was averaged"):
        technique.in_force()
