"""Rates by the kind of the network, by what is frozen and by the optimizer."""

from dataclasses import replace

import pytest
import torch
import trainable

from components.frame.errors import UsageError
from components.model.backbone import create
from components.model.groups import groups, trained_fraction
from components.model.partial.cost import Cost
from components.search import SearchParams
from components.study.rates import ADAM, BODY, SGD, BodyRates, body_rates, head_rates, rate_range
from components.study.record import OwnRecord
from components.study.run import make_plan
from components.study.space import Space
from components.study.strategies.strategy import named
from components.study.trial import Asked

pretrained = trainable.pretrained
APART = {"device", "subset"}


def planned(pretrained, **changes):
    asked = SearchParams(**changes).model_dump()
    others = {name: value for name, value in asked.items() if name not in APART}
    return make_plan(pretrained, **others)


@pytest.fixture(scope="session")
def transformer(pretrained):
    """A small one in the place of the small network."""
    torch.manual_seed(0)
    model = create("test_vit", 2, 32, {})
    parts = groups(model)
    return replace(
        pretrained,
        config=replace(pretrained.config, architecture="test_vit", arguments={}),
        state=model.state_dict(),
        groups=parts,
        fractions=tuple(trained_fraction(model, parts, depth) for depth in range(len(parts))),
    )


def space_of(plan, pretrained):
    layers = tuple(pretrained.layers)
    return Space(
        plan=plan,
        cost=Cost((10,) * len(layers)),
        layers=layers,
        train_rows=100,
        validation_rows=50,
        norm_scales=(2.0,) * len(layers),
    )


def test_rates_rise_with_what_is_frozen():
    """By the factor of the law once all is; few parameters have a rate of their own."""
    rates = BodyRates(whole=0.01, growth=16.0, added=0.2)
    found = [rates.fraction(frozen, few=False) for frozen in (0.0, 0.5, 1.0)]
    assert found == [0.01, 0.04, 0.16]
    assert rates.fraction(0.5, few=True) == 0.2
    assert BodyRates(whole=0.5, growth=16.0).fraction(1.0, few=False) == 1.0


def test_every_kind_has_its_rates_and_small_convolutional_networks_the_head_s():
    assert len(BODY) == 8
    assert body_rates("batch_norm", "adamw") == BodyRates(whole=1.0)
    whole = {kind: body_rates(kind, "adamw").whole * ADAM[1] for kind, _ in BODY}
    assert whole["contrastive"] <= 3e-5, "CLIP has collapsed at 1e-4"
    assert whole["contrastive"] < whole["transformer"] < whole["layer_norm"] < whole["batch_norm"]


@pytest.mark.parametrize(("optimizer", "rates"), [("adamw", ADAM), ("sgd", SGD), ("lamb", ADAM)])
def test_the_head_s_range_is_the_optimizer_s(optimizer, rates):
    assert head_rates(optimizer) == rates
    assert rate_range("auto", "auto", optimizer) == rates
    assert rate_range(2e-3, "auto", optimizer) == (2e-3, rates[1])
    with pytest.raises(ValueError, match="set both"):
        rate_range(1.0, "auto", optimizer)


def test_a_transformer_is_planned_at_rates_of_its_own(pretrained, transformer):
    """With adapters to choose; a convolutional network as ever, and both where rates are given."""
    assert planned(pretrained).body == BodyRates(whole=1.0)
    plan = planned(transformer)
    assert (plan.family, plan.rates) == ("transformer", ADAM)
    assert plan.choices["lora_rank"] == (0, 8)
    assert planned(pretrained).choices["lora_rank"] == (0,)
    given = planned(transformer, learning_rate={"low": 1e-4, "high": 1e-2}, lora_rank=[4])
    assert (given.body, given.choices["lora_rank"]) == (None, (4,))
    assert planned(transformer, backbone_rate=[0.5]).choices["backbone_rate"] == (0.5,)


def test_settings_of_a_transformer_train_layers_slower_than_the_head(transformer):
    """Also the baselines; a setting keeps to it at another freeze depth, and says so."""
    space = space_of(planned(transformer), transformer)
    head, whole = space.enqueued
    assert (head.backbone_rate, whole.backbone_rate) == (1.0, 0.003)
    late = space.moved(whole, space.head - 1)
    assert 0.003 < late.backbone_rate < 0.1
    few = space.setting(1, 1e-2, lora_rank=8, tuning="norms")
    assert (few.backbone_rate, few.tuning) == (0.2, "full")
    assert named(space, whole).endswith("at 0.001 (layers 3e-06)")
    assert named(space, few).endswith("at 0.01 (layers 0.002), lora rank 8")


def test_rates_of_layers_are_recorded_and_found_again(transformer, tmp_path):
    """What is searched stands in Optuna's study, and all else beside it."""
    plan = planned(transformer)
    setting = space_of(plan, transformer).setting(3, 5e-3, lora_rank=8)
    asked = Asked(setting=setting, origin="rule", stage="full", epochs=1)
    record = [
        OwnRecord(tmp_path, plan, transformer.layers, transformer.fractions) for _ in range(2)
    ]
    key = record[0].begin(0, asked)
    assert record[1].begin(0, asked)._trial_id == key._trial_id
    with pytest.raises(Exception, match="belongs to other code"):
        record[1].begin(0, replace(asked, epochs=2))
    (kept,) = record[1]._all()
    assert kept.params.keys() == {"freeze_depth", "learning_rate", "lora_rank"}


def test_auto_stands_alone(pretrained):
    for name in ("backbone_rate", "lora_rank"):
        with pytest.raises(ValueError, match="auto alone"):
            SearchParams(**{name: ["auto", 1]})


def test_adapters_that_there_are_none_of_have_no_parameters(pretrained):
    """`auto` gives a convolutional network none."""
    with pytest.raises(UsageError, match="lora_alpha must have an effect"):
        planned(pretrained, lora_alpha=[8.0])
