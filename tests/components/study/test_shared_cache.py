"""One cache serves every search of a project: nothing of one is taken for another's."""

from dataclasses import replace

import pytest
import torch

from components.study import trial_inputs
from components.study.trial import Asked, Trial
from components.study.trial_inputs import Reuse
from components.training.recipe import Setting

DEPTH = 5
SETTING = Setting(freeze_depth=DEPTH, learning_rate=1e-3)


@pytest.fixture
def read(images, pretrained, plan, tmp_path):
    """The first batch of kept activations that a search gets from the shared cache."""

    def run(**changes):
        given = {"images": images, "pretrained": pretrained, "plan": plan} | changes
        reuse = Reuse(**given, cache=tmp_path, device=torch.device("cpu"))
        inputs = reuse.inputs(reuse.network.model, SETTING, 0)
        assert inputs.forward is not None, inputs.why
        return inputs.feed.val[slice(0, 8)], inputs.feed.train[0][slice(0, 8)]

    return run


def entries(tmp_path):
    return {path.name for path in tmp_path.rglob("*.bin")}


def test_other_weights_are_not_given_the_activations_of_these(read, pretrained, tmp_path):
    """A project that changes its backbone finds none of the old one's."""
    before, there = read(), entries(tmp_path)
    state = {name: value * 0.5 for name, value in pretrained.state.items()}
    after = read(pretrained=replace(pretrained, state=state))
    assert not torch.equal(before[0], after[0])
    assert len(entries(tmp_path)) == 2 * len(there)
    again = read()
    assert torch.equal(again[0], before[0])
    assert torch.equal(again[1], before[1])


def test_other_images_are_not_given_the_activations_of_these(read, images):
    """The same number of them, in another order."""
    before = read()
    turned = replace(images.val, indices=images.val.indices[::-1].copy())
    after = read(images=replace(images, val=turned))
    assert not torch.equal(before[0], after[0])
    assert torch.equal(before[1], after[1])


def test_another_seed_has_views_of_its_own(read, plan):
    """Validation images, which are not augmented, are the same."""
    before, after = read(), read(plan=replace(plan, seed=1))
    assert torch.equal(before[0], after[0])
    assert not torch.equal(before[1], after[1])


def test_views_are_drawn_anew_where_the_code_that_draws_them_changed(read, tmp_path, monkeypatch):
    """What an earlier version drew is never taken for this one's."""
    read()
    there = entries(tmp_path)
    monkeypatch.setattr(trial_inputs.files, "sha256", lambda path: f"other {path.name}")
    read()
    assert len(entries(tmp_path)) > len(there)


def test_every_trial_draws_by_a_seed_of_its_own(make_search):
    """Confirmation runs of one setting tell how much is by chance."""
    search = make_search()
    asked = Asked(setting=SETTING, origin="repeated", stage="confirmation", epochs=1)
    keep = search.folder / "keep.safetensors"
    losses = []
    for number in (3, 4, 3):
        outcome = search.runner.run(number, asked, [], keep, lambda *_: False)
        losses.append(outcome.history[0].train_loss)
        keep.unlink(missing_ok=True)
    assert losses[0] == losses[2] != losses[1]


def finished(setting):
    """A trial that came from the cache."""
    return Trial(
        number=0,
        state="complete",
        origin="rule",
        stage="full",
        layer="",
        trained_fraction=0.5,
        setting=setting,
        history=(),
        cost=0,
        cached=True,
        why="",
        audit=(),
    )


def test_a_trial_pays_for_what_it_put_into_the_cache_and_no_other_does(make_search):
    """Counted by hand: its three epochs, and what was kept of two views and validation."""
    search = make_search()
    search.reuse.ahead = ()
    groups, space = search.reuse.space.cost.groups, search.reuse.space
    train, val = space.train_rows, space.validation_rows
    deep, high = replace(SETTING, freeze_depth=4), SETTING
    strong = replace(deep, magnitude=3)

    def paid(setting, *before, cached=True):
        kept = [finished(one) for one in before]
        return search.runner._cost(setting, 3, kept, cached=cached)

    before, behind = sum(groups[:4]), sum(groups[4:])
    own = 3 * behind * (3 * train + val)
    assert paid(deep) == own + before * (2 * train + val)
    assert paid(deep, deep) == own
    assert paid(strong, deep) == own + before * 2 * train
    assert paid(deep, high) == own + before * (2 * train + val)
    assert paid(deep, cached=False) == 3 * ((before + 3 * behind) * train + (before + behind) * val)
    search.reuse.ahead = (4, DEPTH)
    assert paid(deep, high) == own
    assert paid(deep) == own + sum(groups[:DEPTH]) * (2 * train + val)
