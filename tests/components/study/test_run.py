"""What is asked of a search is what it does, or an error before the first trial."""

import pytest

from components.frame.errors import UsageError
from components.search import BELOW_HEAD, SearchParams
from components.study.run import make_plan
from components.training.recipe import HEAD_ALONE

HEAD = {"freeze_depth": "head", "learning_rate": 1e-2}


def planned(pretrained, **changes):
    asked = SearchParams(**changes).model_dump()
    others = {name: value for name, value in asked.items() if name != "device"}
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


@pytest.mark.parametrize(("name", "value"), [("layer_decay", 0.7), ("tuning", "norms")])
def test_what_no_trial_can_use_below_the_head_is_refused(pretrained, name, value):
    """Where the lowest freeze depth is the head by its number, too."""
    last = len(pretrained.groups) - 1
    with pytest.raises(UsageError, match=rf"{name} must have an effect, but"):
        planned(
            pretrained,
            freeze_depth={"low": last, "high": "head"},
            enqueue=[HEAD],
            **{name: [value]},
        )


def test_what_is_about_layers_below_the_head_is_not_asked_of_the_head_alone(pretrained):
    """The baseline that trains more has it."""
    alone, whole = planned(pretrained, lora_rank=[4], layer_decay=[0.7]).enqueued
    assert (alone.lora_rank, alone.layer_decay) == (0, 1.0)
    assert (whole.lora_rank, whole.layer_decay) == (4, 0.7)


def test_the_head_alone_lacks_nothing_that_parameters_say_is_below_it():
    assert set(BELOW_HEAD) == set(HEAD_ALONE)
