"""Random weights by the name of their initialisation."""

import math

import pytest
import timm
import torch
from torch import nn

from components.frame import files
from components.model.weights.drawn import drawn
from components.model.weights.pin import start_pin
from components.model.weights.take import take

ASKED = {"source": "none", "architecture": "test_vit", "seed": 3}


def layers(state):
    """A wide linear layer, a convolution and its fan-in."""
    return state["blocks.0.mlp.fc1.weight"], state["patch_embed.proj.weight"]


def test_timms_own_is_what_it_builds():
    with torch.random.fork_rng():
        torch.manual_seed(3)
        expected = timm.create_model("test_vit").state_dict()
    assert all(torch.equal(value, expected[k]) for k, value in drawn("test_vit", 3).state.items())


def test_he_is_normal_by_the_fan_in_for_relu():
    for weight in layers(drawn("test_vit", 3, "he").state):
        assert float(weight.std()) == pytest.approx((2 / weight[0].numel()) ** 0.5, rel=0.05)
        assert weight.abs().max() > 2.5 * weight.std()  # a uniform one ends at 1.7


def test_xavier_is_uniform_by_both_fans():
    for weight in layers(drawn("test_vit", 3, "xavier").state):
        fans = nn.init._calculate_fan_in_and_fan_out(weight)
        assert float(weight.abs().max()) == pytest.approx(math.sqrt(6 / sum(fans)), rel=0.01)


@pytest.mark.parametrize("name", ["he", "xavier"])
def test_scales_stay_and_biases_are_zero(name):
    state = drawn("test_vit", 3, name).state
    assert not state["blocks.0.mlp.fc1.bias"].any()
    assert (state["blocks.0.norm1.weight"] == 1).all()
    assert torch.equal(state["cls_token"], drawn("test_vit", 3).state["cls_token"])


def test_the_pin_names_it_and_what_is_taken_is_of_it(tmp_path):
    pin = start_pin(**ASKED, known={}, initialisation="he")
    start, model, config = (tmp_path / name for name in ("start.yaml", "m.safetensors", "c.json"))
    files.write_yaml(start, pin)
    take(start, tmp_path, **ASKED, initialisation="he", model=model, config=config)
    state = files.read_tensors(model)
    assert all(torch.equal(state[k], v) for k, v in drawn("test_vit", 3, "he").state.items())
    assert files.read_json(config)["source"] == "random weights, he"
    assert start_pin(**ASKED, known={}) == {k: v for k, v in pin.items() if k != "initialisation"}
