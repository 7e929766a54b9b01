"""Costs are counted, not timed."""

import pytest
import timm
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from components.model import groups as depth
from components.model.partial.cost import cost
from components.model.partial.cut_points import find_cut_points


def test_the_sum_is_the_published_one():
    """ResNet-18 at 224 pixels: 1.82 thousand million multiply-accumulates (torchvision)."""
    model = timm.create_model("resnet18")
    counted = cost(model, depth.groups(model), torch.empty(1, 3, 224, 224))
    assert sum(counted.groups) == pytest.approx(1.82e9, rel=0.005)


def test_each_group_is_charged_for_its_own_layers():
    """A convolution from 3 to 4 channels on 8 x 8, one from 4 to 5 in two groups, 5 to 2 scores."""
    model = nn.Sequential()
    model.features = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Conv2d(4, 6, 3, padding=1, groups=2)
    )
    model.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    model.fc = nn.Linear(6, 2)
    groups = depth.groups(model)
    counted = cost(model, groups, torch.randn(3, 3, 8, 8))
    assert counted.groups == (64 * 4 * 27, 64 * 6 * 2 * 9, 12)


@pytest.mark.parametrize("name", ["mobilenetv2_035", "vit_tiny_patch16_224", "cait_xxs24_224"])
def test_what_is_counted_is_what_runs(build, name):
    """The whole model's operations are those that torch's own counter sees."""
    model, images = build(name)
    counted = cost(model, depth.groups(model), images)
    with FlopCounterMode(display=False) as counter:
        model.eval()(images)
    assert sum(counted.groups) == counter.get_total_flops() // 2 // len(images)


def test_a_suffix_runs_what_it_is_charged_for(build):
    """Forwards from an activation: exactly the groups from its freeze depth on."""
    model, images = build("mobilenetv2_035")
    groups = depth.groups(model)
    counted = cost(model, groups, images)
    found = find_cut_points(model, groups, images)
    cut = found.cut(model.eval())
    for at, activation in cut.tap(images, found.points).items():
        cut.suffix(activation, at)
        with FlopCounterMode(display=False) as counter:
            cut.suffix(activation, at)
        assert counter.get_total_flops() // 2 // len(images) == counted.suffix(at)


def test_training_costs_three_passes_of_what_is_trained(build):
    """Once forwards and twice backwards; frozen layers once, or not at all from the cache."""
    model, images = build("resnet18")
    counted = cost(model, depth.groups(model), images)
    whole = sum(counted.groups)
    assert counted.training(0, cached=False) == 3 * whole
    assert counted.training(5, cached=False) == whole + 2 * counted.groups[5]
    assert counted.training(5, cached=True) == 3 * counted.groups[5]
    assert counted.validation(3, cached=True) == sum(counted.groups[3:])
    assert counted.validation(3, cached=False) == whole == counted.prefix(3) + counted.suffix(3)


def test_counting_leaves_the_model_alone(build):
    """BatchNorm's statistics and the mode stay, whatever the mode is."""
    model, images = build("resnet18")
    before = {key: value.clone() for key, value in model.train().state_dict().items()}
    cost(model, depth.groups(model), images)
    assert model.training
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
