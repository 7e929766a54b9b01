"""What trials share changes nothing: cached is uncached, renewed is fresh."""

import pytest
import torch

from components.model.norm_scales import norm_scales
from components.study.trial import Asked
from components.training.compute import Compute
from components.training.probe import fit_head
from components.training.recipe import CHOICES, Setting
from components.training.techniques.mixup import Mixup

CPU = torch.device("cpu")
WHOLE = Setting(freeze_depth=0, learning_rate=1e-3)
OTHERS = {
    "accumulation": 2,
    "class_weights": '{"b": 3.0}',
    "clip_norm": 1e-3,
    "head_init": "zero",
    "head_layers": "16:0.2",
    "head_start": "probe",
    "lora_alpha": 2.0,
    "lora_rank": 4,
    "loss": "focal",
    "magnitude": 3,
    "optimizer": "sgd",
    "phases": "lp_ft",
    "sampling": "balanced",
    "schedule": "constant",
    "surgical": "last",
    "tuning": "norms",
}
"""What a choice is in place of its default, where that is not 0.5."""
BESIDE = {
    "focal_gamma": {"loss": "focal"},
    "lora_alpha": {"lora_rank": 4},
    "momentum": {"optimizer": "sgd"},
}
"""What a choice needs beside it."""
RATES = {"layer_decay": [0.25, 0.5, 1.0], "backbone_rate": [0.5, 0.5, 1.0]}
"""The factors on the rate of the groups that train, where they differ."""
SAME = {
    "gradient_checkpointing",
    "stochastic_depth",
    "distillation",
    "distillation_temperature",
    "lora_layers",
    "start",
}
"""What changes memory alone, or is refused here: this network has no branch to drop, its start
nothing to teach, it is no transformer, and there is but one start. Their own tests see that they
are in force."""
RESTING = {"surgical": 1}
"""How many groups do not train besides."""
MANY = {
    "layer_decay": 0.5,
    "weight_decay": 0.0,
    "head_dropout": 0.5,
    "magnitude": 3,
    "sampling": "balanced",
    "curriculum": 0.9,
    "class_weights": '{"b": 3.0}',
}
"""That can all be done with kept activations."""


def run(search, freeze_depth, *, number=3, rate=3e-3, **others):
    setting = Setting(freeze_depth=freeze_depth, learning_rate=rate, **others)
    asked = Asked(setting=setting, origin="rule", stage="full", epochs=3)
    keep = search.folder / f"{freeze_depth}.safetensors"
    outcome = search.runner.run(number, asked, [], keep, lambda *_: False)
    keep.unlink(missing_ok=True)
    return outcome, {k: v.clone() for k, v in search.reuse.network.model.state_dict().items()}


@pytest.mark.parametrize(
    "others",
    [{}, MANY],
    ids=["baseline", "others"],
)
def test_cached_trial_equals_the_uncached_one_to_the_bit(make_search, others):
    """History and weights, also after a trial that trained everything with the same network."""
    cached, uncached = make_search("a"), make_search("b", cache_bytes=0)
    run(cached, 0)
    freeze_depths = [d for d in range(1, 6) if cached.reuse.space.cacheable(d)]
    for freeze_depth in freeze_depths:
        one, weights = run(cached, freeze_depth, **others)
        other, expected = run(uncached, freeze_depth, **others)
        assert (one.cached, other.cached) == (True, False)
        assert one.history == other.history
        assert all(torch.equal(weights[name], expected[name]) for name in expected)
        assert one.cost < other.cost or freeze_depth == freeze_depths[0]


@pytest.mark.parametrize("others", [{"lora_rank": 4}, {"phases": "lp_ft"}, {"tuning": "norms"}])
def test_what_trains_less_reads_the_cache_as_well(make_search, others):
    """With equal bits; and gives the network back as it was."""
    cached, uncached = make_search("a"), make_search("b", cache_bytes=0)
    one, weights = run(cached, 4, **others)
    other, expected = run(uncached, 4, **others)
    assert (one.cached, other.cached) == (True, False)
    assert one.history == other.history
    assert all(torch.equal(weights[name], expected[name]) for name in expected)
    assert list(cached.reuse.model(WHOLE, 1).state_dict()) == list(expected)


def test_renewed_network_is_a_fresh_one(make_search, pretrained):
    """Whatever was trained before."""
    search = make_search()
    run(search, 0)
    renewed = search.reuse.network.renew(7).state_dict()
    fresh = pretrained.network(7).state_dict()
    assert all(torch.equal(renewed[name], fresh[name]) for name in fresh)


def test_rates_are_bounded_by_the_pretrained_norm_scales(make_search, pretrained):
    """Whatever was trained before they were asked for."""
    search = make_search()
    run(search, 0, rate=1e-2)
    del search.reuse.space
    assert search.reuse.space.norm_scales == norm_scales(pretrained.state, pretrained.groups)


def test_float16_cache_is_of_nearly_equal_numbers(make_search):
    """Rounded once, to three digits."""
    freeze_depth = 4
    exact, _ = run(make_search("a"), freeze_depth)
    rounded, _ = run(make_search("b", cache_precision="float16"), freeze_depth)
    assert rounded.cached
    assert rounded.history[-1].train_loss == pytest.approx(exact.history[-1].train_loss, abs=0.02)


def test_trial_that_is_not_cached_says_why(make_search):
    """Nothing frozen, too little frozen, no room."""
    search = make_search("a", cache_bytes=0)
    freeze_depths = range(len(search.pretrained.groups))
    early = next(d for d in freeze_depths if d and not search.reuse.space.cacheable(d))
    assert run(search, 0)[0].why == "no layer is frozen"
    assert "of the work lies behind" in run(search, early)[0].why
    assert "do not fit" in run(search, freeze_depths[-1])[0].why


def test_small_budget_gives_each_trial_the_same_whatever_ran_before(make_search):
    """What is asked for comes before what is kept ahead; the budget holds throughout."""
    space = make_search("sizes").reuse.space
    budget = 700_000
    alone = {d: run(make_search(f"alone{d}", cache_bytes=budget), d)[0].cached for d in (2, 3, 5)}
    search = make_search("together", cache_bytes=budget)
    search.reuse.ahead = (2, 3, 4, 5)
    assert {
        freeze_depth: run(search, freeze_depth)[0].cached for freeze_depth in (5, 2, 3)
    } == alone
    assert set(alone.values()) == {True, False}
    cache = search.folder.parent / "cache" / "features"
    assert sum(path.stat().st_size for path in cache.iterdir()) <= budget
    assert space.cacheable(2)


def test_network_that_cannot_be_cut_is_run_whole(make_search, monkeypatch):
    """With the reason that the search for cut points gives."""
    from components.model.partial.cut_points import CutPoints
    from components.study import trial_inputs

    def nowhere(_model, _groups, images, only):
        return CutPoints({}, dict.fromkeys(only, "its modules meet twice"), tuple(images.shape[1:]))

    monkeypatch.setattr(trial_inputs, "find_cut_points", nowhere)
    outcome, _ = run(make_search(), 5)
    assert outcome.why == "the network cannot be cut there: its modules meet twice"
    assert not outcome.cached


def test_views_are_shared_and_differ(make_search):
    """Epoch 1 and 3 see the same images in another order, epoch 2 others."""
    search = make_search()
    feed = search.reuse.inputs(search.reuse.network.model, WHOLE, 5).feed
    sums = [
        sorted(image.sum().item() for batch in feed.training(epoch) for image in batch.inputs)
        for epoch in (1, 2, 3)
    ]
    assert sums[0] == sums[2] != sums[1]


def test_each_magnitude_is_kept_by_itself(make_search):
    """Activations of one augmentation are never taken for those of another."""
    search = make_search()
    baseline, strong = (run(search, 5, magnitude=magnitude)[0] for magnitude in (1, 3))
    assert baseline.cached
    assert strong.cached
    assert baseline.history[0].train_loss != strong.history[0].train_loss
    assert baseline.history[0].validation_loss != strong.history[0].validation_loss


def test_each_start_is_trained_from_as_if_there_were_no_other(make_search, champion, pretrained):
    """From its own activations and with its own head, whichever trained before."""
    both, alone = make_search("both", start=champion), make_search("alone")
    for freeze_depth in (5, 0):
        of_champion, _ = run(both, freeze_depth)
        of_package, weights = run(both, freeze_depth, start="package")
        again, _ = run(both, freeze_depth)
        expected, same = run(alone, freeze_depth)
        assert of_package.history == expected.history != of_champion.history == again.history
        assert of_package.cost == expected.cost
        assert all(torch.equal(weights[name], same[name]) for name in same)


@pytest.mark.parametrize("name", [name for name in CHOICES if name not in SAME])
def test_each_choice_changes_the_training(make_search, name):
    """None of them is inert, and the audit tells the rates."""
    search = make_search()
    beside = BESIDE.get(name, {})
    baseline, _ = run(search, 4, **beside)
    other, _ = run(search, 4, **{name: OTHERS.get(name, 0.5)}, **beside)
    seen = [
        (one.history[-1].train_loss, one.history[-1].validation_loss) for one in (baseline, other)
    ]
    assert seen[0] != seen[1]
    rates = [group["learning_rates"] for group in other.audit[4:] if group["trained"]]
    expected = RATES.get(name, [1.0] * (3 - RESTING.get(name, 0)))
    assert rates == [pytest.approx((3e-3 * one,)) for one in expected]


def test_blended_images_never_come_from_the_cache(make_search):
    """It would blend what the frozen layers made of them; the trial says so, and repeats."""
    search = make_search()
    assert run(search, 5)[0].cached
    blended, again = (run(search, 5, mixup=0.2)[0] for _ in range(2))
    assert not blended.cached
    assert blended.why == "mixup blends images before the frozen layers"
    assert blended.history == again.history


def test_blending_keeps_images_and_labels_together(make_search):
    """Each row is a fraction of two images, and its labels say which and how much."""
    reuse = make_search().reuse
    plain = next(reuse.inputs(None, WHOLE, 1).feed.training(1))
    blended = Mixup(1.0, reuse.images.task).batch(plain, seed=3)
    fraction = float(blended.targets.max(1).values.min())
    partner = plain.inputs.roll(1, 0)
    candidates = [
        fraction * plain.inputs + (1 - fraction) * partner,
        (1 - fraction) * plain.inputs + fraction * partner,
    ]
    assert any(torch.allclose(blended.inputs, one, atol=1e-5) for one in candidates)
    assert torch.allclose(blended.targets.sum(1), torch.ones(len(plain)))


def test_trials_start_from_one_probe_where_that_is_asked_for(make_search, pretrained, monkeypatch):
    """Fitted once a search, whatever was trained before."""
    reuse = make_search().reuse
    drawn, probed = (reuse.space.setting(0, 1e-3, head_start=how) for how in ("drawn", "probe"))
    probe = fit_head(pretrained.network(3), reuse.images, Compute(batch_size=8, device=CPU))
    weight = torch.from_numpy(probe.layers[0].weight)
    assert not torch.equal(reuse.model(drawn, 5).classifier.weight, weight)
    assert torch.equal(reuse.model(probed, 5).classifier.weight, weight)
    monkeypatch.setattr("components.study.trial_inputs.fit_head", None)
    assert torch.equal(reuse.model(probed, 6).classifier.weight, weight)
