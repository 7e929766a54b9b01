"""What is asked of a search is what it does, or an error before the first trial."""

from dataclasses import replace

import pytest

from components.frame.errors import UsageError
from components.model.backbone import create
from components.search import SearchParams
from components.study.record import Record
from components.study.run import make_plan
from components.training.recipe import BELOW_THE_HEAD

APART = {"device", "subset"}
"""What is no part of a plan."""
HEAD = {"freeze_depth": "head", "learning_rate": 1e-2}


def planned(pretrained, **changes):
    asked = SearchParams(**changes).model_dump()
    others = {name: value for name, value in asked.items() if name not in APART}
    return make_plan(pretrained, **others)


def test_every_baseline_setting_is_kept(pretrained):
    """As asked for, with freeze depths as this network has them."""
    last = len(pretrained.groups) - 1
    assert [one.freeze_depth for one in planned(pretrained).enqueued] == [last, 0]


@pytest.mark.parametrize("low", ["{layer}", 1.0])
def test_a_baseline_setting_outside_the_range_is_refused(pretrained, low):
    """Only the network knows where a layer's name or a fraction lies; nothing is moved there."""
    low = pretrained.layers[1] if isinstance(low, str) else low
    stem = {"freeze_depth": pretrained.layers[0], "learning_rate": 1e-3}
    with pytest.raises(UsageError, match=r"enqueue: a freeze_depth must lie in .*, but is 0 \("):
        planned(pretrained, freeze_depth={"low": low, "high": "head"}, enqueue=[HEAD, stem])


@pytest.mark.parametrize(
    "asked",
    [
        {"layer_decay": [0.7]},
        {"backbone_rate": [0.1]},
        {"l2_sp": [0.01]},
        {"gradient_checkpointing": [True]},
        {"tuning": ["norms"]},
        {"lora_rank": [8]},
    ],
    ids=str,
)
def test_what_no_trial_can_use_is_refused(pretrained, asked):
    """Where the lowest freeze depth is the head by its number, too."""
    last = len(pretrained.groups) - 1
    with pytest.raises(UsageError, match=rf"{next(iter(asked))} must have an effect, but"):
        planned(
            pretrained,
            freeze_depth={"low": last, "high": "head"},
            enqueue=[HEAD],
            **asked,
        )


def test_a_momentum_of_no_optimizer_is_refused(pretrained):
    """And an optimizer that is not there; before the first trial."""
    with pytest.raises(UsageError, match=r"search.momentum must have an effect"):
        planned(pretrained, momentum=[0.8])
    with pytest.raises(UsageError, match=r"search.optimizer must be one that timm has"):
        planned(pretrained, optimizer=["sgdd"])


@pytest.mark.parametrize(("batch_size", "parts"), [(4, 3), (32, 17)])
def test_parts_that_leave_one_image_are_refused(batch_size, parts):
    """Batch normalisation cannot learn from one."""
    with pytest.raises(ValueError, match="accumulation must leave 2 images or more"):
        SearchParams(batch_size=batch_size, accumulation=parts)


def test_a_network_without_branches_refuses_to_drop_them_before_a_trial(pretrained):
    """Not hours later, when the first trial below the head begins."""
    model = create("ghostnet_050", 2, 32, {})
    config = replace(pretrained.config, architecture="ghostnet_050", arguments={}, classes=2)
    bare = replace(pretrained, config=config, state=model.state_dict())
    with pytest.raises(UsageError, match=r"search\.stochastic_depth must be 0\.0 for GhostNet"):
        planned(bare, stochastic_depth=[0.0, 0.2])
    assert planned(pretrained, stochastic_depth=[0.2]).choices["stochastic_depth"] == (0.2,)


def test_a_baseline_setting_of_the_head_asks_for_nothing_that_is_void_there(pretrained):
    """The others have the first of the choices, but for what they name themselves."""
    asked = planned(pretrained, stochastic_depth=[0.2], layer_decay=[0.7]).enqueued
    assert [(one.stochastic_depth, one.layer_decay) for one in asked] == [(0.0, 1.0), (0.2, 0.75)]


def test_parameters_say_of_each_that_the_head_alone_makes_it_void():
    """Where the file says `head`, before any network is built."""
    void = {rule.parameter for rule in SearchParams.no_effect if rule.beside.endswith(".low")}
    assert void == {f"search.{name}" for name in BELOW_THE_HEAD}


def test_a_champion_and_the_packages_weights_are_both_started_from(champion, pretrained):
    """The heads of both are tried first; without a champion there is no choice."""
    plan, head = planned(champion), len(champion.groups) - 1
    tried = [(one.freeze_depth, one.start) for one in plan.enqueued]
    assert tried == [(head, "base"), (head, "package"), (0, "base")]
    assert plan.choices["start"] == ("base", "package")
    assert planned(pretrained).choices["start"] == ("base",)
    assert planned(champion, distillation=1.0).choices["start"] == ("base",)
    assert {one.start for one in planned(champion, start="package").enqueued} == {"package"}


def test_a_start_that_is_not_there_is_refused(pretrained):
    with pytest.raises(UsageError, match="start must be base where there is no champion"):
        planned(pretrained, start="package")


def test_a_baseline_setting_of_its_own_can_be_entered(pretrained):
    """Also where others of the same are chosen among."""
    plan = planned(pretrained, layer_decay=[1.0, 0.5], batch_norm=["trained", "frozen"])
    known = Record.distributions(plan)
    for setting in plan.enqueued:
        assert setting.layer_decay in known["layer_decay"].choices
        assert setting.batch_norm in known["batch_norm"].choices
