"""A technique is one file and a line: the loop calls every one of its hooks, and knows none."""

from contextlib import contextmanager
from dataclasses import replace

import pytest
import torch

from components.frame.errors import InertError
from components.model.groups import groups
from components.training.fit import fit
from components.training.recipe import Recipe, Setting
from components.training.techniques import registry
from components.training.techniques.technique import Technique

CPU = torch.device("cpu")
SETTING = Setting(freeze_depth=0, learning_rate=1e-2, weight_decay=0.0)
RECIPE = Recipe(setting=SETTING, epochs=2, patience=2, seed=0)


class Anchor(Technique):
    """Pulls the weights to where they started (L2-SP), and writes down when it is called."""

    name = "anchor"
    calls: list[str] = []  # noqa: RUF012  # the test reads them

    def __init__(self):
        self.start = {}
        self.steps = 0

    @classmethod
    def asked(cls, setting, task):
        return cls() if setting.weight_decay == 0.0 else None

    def prepare(self, model, groups):
        self.start = {name: p.detach().clone() for name, p in model.named_parameters()}
        self.calls.append("prepare")
        return groups

    @contextmanager
    def around_epoch(self, model, epoch):
        self.calls.append(f"epoch {epoch}")
        yield

    @contextmanager
    def around_step(self, model, step):
        self.steps += 1
        yield

    def penalty(self, model, batch, outputs):
        pairs = ((p, self.start[name]) for name, p in model.named_parameters())
        return 100.0 * sum((p - start).square().sum() for p, start in pairs)

    def state(self):
        return {"steps": torch.tensor(self.steps)}

    def restore(self, state):
        self.steps = int(state["steps"])

    def in_force(self):
        if not self.steps:
            raise InertError("no step was taken")
        return {"steps": self.steps}


@pytest.fixture
def train(images, pretrained, tmp_path, feed_of):
    """Fit a fresh network; where it ended, and what the fit says."""

    def run(recipe=RECIPE, name="keep", on_epoch=lambda *_: False):
        model = pretrained.network(0)
        done = fit(
            model,
            groups(model),
            feed_of(images),
            images.task,
            recipe,
            device=CPU,
            keep=tmp_path / f"{name}.safetensors",
            keep_best=False,
            on_epoch=on_epoch,
        )
        return model, done

    return run


def moved(model, pretrained):
    start = pretrained.network(0)
    pairs = zip(model.parameters(), start.parameters(), strict=True)
    return sum(float((one - other).detach().square().sum()) for one, other in pairs)


def test_a_new_technique_is_in_force_by_a_line_in_the_registry(train, pretrained, monkeypatch):
    """Every hook is called, its penalty holds the weights back, and the fit tells what it did."""
    free, _ = train(name="free")
    monkeypatch.setattr(registry, "TECHNIQUES", [*registry.TECHNIQUES, Anchor])
    Anchor.calls.clear()
    held, done = train(name="held")
    assert Anchor.calls == ["prepare", "epoch 1", "epoch 2"]
    assert done.techniques["anchor"] == {"steps": 10}
    assert moved(held, pretrained) < 0.5 * moved(free, pretrained)


def test_what_a_technique_keeps_outlives_a_kill(train, monkeypatch):
    """Its state comes back from the checkpoint."""
    monkeypatch.setattr(registry, "TECHNIQUES", [*registry.TECHNIQUES, Anchor])

    def cut(epoch, *_):
        if epoch.epoch == 1:
            raise KeyboardInterrupt
        return False

    with pytest.raises(KeyboardInterrupt):
        train(name="cut", on_epoch=cut)
    _, done = train(name="cut")
    assert done.techniques["anchor"] == {"steps": 10}


def test_a_technique_that_did_nothing_ends_the_fit(train, monkeypatch):
    """Asked for and not in force is an error, after the first epoch."""

    class Inert(Anchor):
        name = "inert"

        @contextmanager
        def around_step(self, model, step):
            yield

    monkeypatch.setattr(registry, "TECHNIQUES", [*registry.TECHNIQUES, Inert])
    with pytest.raises(InertError, match="no step was taken"):
        train(name="inert")


def test_a_technique_is_taken_only_where_a_setting_asks_for_it(images):
    """Freezing always; the others by their own fields."""

    def names(**changes):
        asked = replace(SETTING, **changes)
        return [technique.name for technique in registry.requested(asked, images.task)]

    assert names() == ["freeze_depth"]
    assert names(head_dropout=0.1, mixup=0.2) == ["freeze_depth", "head_dropout", "mixup"]
    assert registry.why_images(replace(SETTING, mixup=0.2), images.task)
    assert not registry.why_images(replace(SETTING, head_dropout=0.1), images.task)
