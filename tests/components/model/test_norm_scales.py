"""The norm scales, against those that torch's own layers hold."""

from math import exp, inf, log

import pytest
import timm
import torch
from torch import nn

from components.model.groups import groups
from components.model.norm_scales import norm_scales


def model(name):
    return timm.create_model(name, pretrained=False, num_classes=3)


def normalisations(module):
    kinds = (nn.BatchNorm2d, nn.LayerNorm, nn.GroupNorm)
    return [one for one in module.modules() if isinstance(one, kinds)]


@pytest.mark.parametrize("name", ["test_efficientnet", "test_resnet", "test_vit", "test_convnext"])
def test_mean_is_that_of_the_layers_themselves(name):
    """With everything trained, over all layers, whatever their kind; and only they count."""
    built = model(name)
    torch.manual_seed(1)
    with torch.no_grad():
        for layer in normalisations(built):
            layer.weight.uniform_(0.1, 3.0)
    parts = groups(built)
    sizes = [layer.weight.square().mean().sqrt().item() for layer in normalisations(built)]
    expected = exp(sum(map(log, sizes)) / len(sizes))
    assert norm_scales(built.state_dict(), parts)[0] == pytest.approx(expected, rel=0.05)


def test_frozen_layers_do_not_count():
    """A mean is of what lies behind a freeze depth; the head has no norm scale."""
    built = model("test_efficientnet")
    parts, state = groups(built), built.state_dict()
    frozen = [name for part in parts[:2] for name in part.parameters]
    for name in frozen:
        if state[name].ndim == 1 and name.endswith("weight"):
            state[name] = state[name] * 100
    found = norm_scales(state, parts)
    assert found[2:] == norm_scales(built.state_dict(), parts)[2:]
    assert found[0] > norm_scales(built.state_dict(), parts)[0]
    assert len(found) == len(parts)
    assert found[-1] == inf


def test_weights_without_a_head_are_enough():
    """As published bases often come."""
    built = model("test_efficientnet")
    state, parts = built.state_dict(), groups(built)
    bare = {name: value for name, value in state.items() if name not in parts[-1].parameters}
    assert norm_scales(bare, parts) == norm_scales(state, parts)


def test_networks_without_normalisation_and_norm_scales_of_zero_bound_nothing():
    """A residual branch that begins as nothing says nothing about the size of the others."""
    plain = model("vgg11")
    assert set(norm_scales(plain.state_dict(), groups(plain))) == {inf}
    built = model("test_resnet")
    state, parts = built.state_dict(), groups(built)
    zero = next(n for n in parts[0].parameters if n.endswith("weight") and state[n].ndim == 1)
    state[zero] = torch.zeros_like(state[zero])
    assert norm_scales(state, parts)[0] == 1.0
