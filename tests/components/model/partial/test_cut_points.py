"""Cutting: prefix and suffix of any timm model, equal to the whole to the bit."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional

from components.model import freezing
from components.model import groups as depth
from components.model.groups import Group
from components.model.partial.cut_points import find_cut_points
from components.model.partial.forward import CutError
from components.model.partial.shapes import ShapeTensor

STEPPED = [
    "convnext_atto",
    "efficientnet_lite0",
    "resnet18",
    "densenet121",
    "vgg11_bn",
    "vit_tiny_patch16_224",
    "swin_tiny_patch4_window7_224",
    "levit_128s",
]
REFUSED = {"hrnet_w18_small": {3}}
"""Several resolutions run side by side there."""


def logits(output):
    return output if isinstance(output, torch.Tensor) else output[0]


def probed(model):
    """The groups, and three freeze depths: behind the stem, in the middle and at the head."""
    groups = depth.groups(model)
    return groups, sorted({1, len(groups) // 2, len(groups) - 1})


def train_once(model, run):
    """Logits, gradients and buffers after a training pass with fixed dropout."""
    model.zero_grad()
    torch.manual_seed(3)
    output = logits(run())
    (output - 1).square().sum().backward()
    gradients = {name: parameter.grad for name, parameter in model.named_parameters()}
    return output, gradients, copy.deepcopy(dict(model.named_buffers()))


def assert_equal(one, other):
    assert one.keys() == other.keys()
    for name, value in one.items():
        same = value is other[name] or torch.equal(value, other[name])
        assert same, name


def test_prefix_and_suffix_are_the_model(architecture, build):
    """From activations of one pass come the logits of the whole model, to the bit."""
    model, images = build(architecture)
    model.eval()
    groups, asked = probed(model)
    found = find_cut_points(model, groups, images, asked)
    assert set(found.refusals) == REFUSED.get(architecture, set())
    cut = found.cut(model)
    with torch.no_grad():
        expected = logits(model(images))
        for at, activation in cut.tap(images, found.points).items():
            assert torch.equal(logits(cut.suffix(activation, at)), expected), groups[at].name


@pytest.mark.parametrize("name", STEPPED)
def test_a_step_from_the_activation_is_the_step_from_the_images(build, name):
    """Loss, all gradients and BatchNorm statistics are equal to the bit."""
    model, images = build(name)
    groups, asked = probed(model)
    found = find_cut_points(model, groups, images, asked)
    at = sorted(found.points)[len(found.points) // 2]
    freezing.freeze(model, groups, at)
    model.train()
    twin = copy.deepcopy(model)
    cut = found.cut(model)
    activation = cut.tap(images, [at])[at]
    one = train_once(model, lambda: cut.suffix(activation, at))
    other = train_once(twin, lambda: twin(images))
    assert torch.equal(one[0], other[0])
    assert_equal(one[1], other[1])
    assert_equal(one[2], other[2])


@pytest.mark.parametrize(
    "name", ["mobilenetv2_035", "resnet18", "vit_tiny_patch16_224", "swin_tiny_patch4_window7_224"]
)
def test_every_freeze_depth_can_be_cut_and_feeds_the_higher_ones(build, name):
    """What is advanced from an early activation is what one pass over the images taps."""
    model, images = build(name)
    groups = depth.groups(model)
    found = find_cut_points(model, groups, images)
    assert set(found.points) == set(range(1, len(groups)))
    cut = found.cut(model)
    tapped = cut.tap(images, found.points)
    for at in found.points:
        higher = [other for other in found.points if other >= at]
        for other, activation in cut.advance(tapped[at], at, higher).items():
            assert torch.equal(activation, tapped[other]), (at, other)


@pytest.mark.parametrize(
    "name", ["mobilenetv2_035", "resnet18", "convnext_atto", "vit_tiny_patch16_224", "densenet121"]
)
def test_the_dropout_of_the_head_stays_behind_the_cut(build, name):
    """A head trained from kept features still drops values, the same as without a cache."""
    model, images = build(name, drop_rate=0.5)
    groups = depth.groups(model)
    head = len(groups) - 1
    cut = find_cut_points(model, groups, images, [head]).cut(model)
    freezing.freeze(model, groups, head)
    activation = cut.tap(images, [head])[head]
    model.train()
    torch.manual_seed(0)
    whole = model(images)
    torch.manual_seed(0)
    assert torch.equal(cut.suffix(activation, head), whole)
    assert not torch.equal(cut.suffix(activation, head), whole)


def test_dropout_may_be_switched_on_after_the_points_are_found(build):
    """A search tries several rates with the points it found once."""
    model, images = build("mobilenetv2_035")
    groups = depth.groups(model)
    head = len(groups) - 1
    cut = find_cut_points(model, groups, images, [head]).cut(model)
    activation = cut.tap(images, [head])[head]
    model.drop_rate = 0.5
    freezing.freeze(model.train(), groups, head)
    assert not torch.equal(cut.suffix(activation, head), cut.suffix(activation, head))


def test_only_what_is_behind_the_cut_runs(build):
    """Modules before the cut are not called when a suffix is, and those behind not by a tap."""
    model, images = build("resnet18")
    groups = depth.groups(model)
    cut = find_cut_points(model, groups, images).cut(model)
    ran = []
    for name, module in model.named_children():
        for leaf in (inner for inner in module.modules() if isinstance(inner, nn.Conv2d)):
            leaf.register_forward_hook(
                lambda _module, _inputs, result, name=name: ran.append((name, type(result)))
            )
    activation = cut.tap(images, [3])[3]
    assert {name for name, _ in ran} == {"conv1", "layer1", "layer2"}
    ran.clear()
    cut.suffix(activation, 3)
    assert {name for name, kind in ran if kind is not ShapeTensor} == {"layer3", "layer4"}


def test_finding_cut_points_leaves_no_trace(build):
    """Weights, modes, frozen parameters and random numbers are as before."""
    model, images = build("mobilenetv2_035")
    groups = depth.groups(model)
    freezing.freeze(model.train(), groups, 4)
    before = copy.deepcopy(model)
    state = torch.get_rng_state()
    found = find_cut_points(model, groups, images)
    found.cut(model).tap(images, found.points)
    assert torch.equal(torch.get_rng_state(), state)
    assert_equal(model.state_dict(), before.state_dict())
    for one, other in zip(model.modules(), before.modules(), strict=True):
        assert one.training == other.training
        assert vars(one).keys() == vars(other).keys()
    for one, other in zip(model.parameters(), before.parameters(), strict=True):
        assert one.requires_grad == other.requires_grad


def test_points_serve_other_weights_and_batches_of_any_size(build):
    """What was found for an architecture holds for each network of it."""
    model, images = build("regnety_002")
    groups = depth.groups(model)
    found = find_cut_points(model, groups, images, [3])
    other, _ = build("regnety_002")
    nn.init.normal_(other.head.fc.weight)
    cut = found.cut(other.eval())
    for batch in (images[:1], torch.cat([images, images, images[:1]])):
        activation = cut.tap(batch, [3])[3]
        assert torch.equal(cut.suffix(activation, 3), other(batch))


class Toy(nn.Module):
    """Three groups, and something between the first two that a test chooses."""

    def __init__(self, between):
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3)
        self.blocks = between
        self.last = nn.Linear(4, 2)

    def forward(self, images):
        return self.last(self.blocks(self.first(images)).mean((2, 3)))


class Chain(nn.Module):
    def __init__(self, *modules):
        super().__init__()
        self.inner = nn.Sequential(*modules)

    def forward(self, values):
        return self.inner(values)


class Skip(Toy):
    """The images themselves reach the head."""

    def forward(self, images):
        return super().forward(images) + images.mean()


class Early(Toy):
    """The last group's weights are used before the middle one runs."""

    def forward(self, images):
        features = self.first(images) * self.last.weight.sum()
        return self.last(self.blocks(features).mean((2, 3)))


class Mixing(Toy):
    """An image's features depend on the others in its batch."""

    def forward(self, images):
        return self.last(self.blocks(self.first(images.sum(0, keepdim=True))).mean((2, 3)))


class Dropping(Toy):
    """Values are dropped between two groups."""

    def forward(self, images):
        features = functional.dropout(self.first(images), 0.5, self.training)
        return self.last(self.blocks(features).mean((2, 3)))


class Looking(Toy):
    """Values decide what is done."""

    def forward(self, images):
        return super().forward(images * 2 if images.sum().item() > 0 else images)


GROUPS = (
    Group("first", ("first.weight", "first.bias")),
    Group("blocks", ("blocks.inner.1.weight", "blocks.inner.1.bias")),
    Group("last", ("last.weight", "last.bias")),
)


def test_an_activation_that_is_overwritten_is_copied_first():
    """The suffix begins with a ReLU in place; kept features stay what they are."""
    model = Toy(Chain(nn.ReLU(inplace=True), nn.Conv2d(4, 4, 1)))
    images = torch.randn(2, 3, 8, 8)
    found = find_cut_points(model, GROUPS, images)
    assert found.points[1].clones
    cut = found.cut(model)
    activation = cut.tap(images, [1])[1]
    before = activation.clone()
    cut.suffix(activation, 1)
    assert torch.equal(activation, before)
    assert torch.equal(cut.tap(images, [1, 2])[1], before)


@pytest.mark.parametrize(
    ("kind", "at", "reason"),
    [
        (Skip, 1, "values from before `blocks` are used after it."),
        (Skip, 2, "values from before `last` are used after it."),
        (Early, 2, "the gradient of `last.weight` behind the cut is not that of the whole model."),
        (Mixing, 1, "`blocks` has no row of numbers for each image."),
        (Dropping, 2, "the output behind the cut is not that of the whole model."),
        (Looking, 1, "it cannot be followed (Tensor.item() cannot be called on meta tensors)"),
    ],
)
def test_what_cannot_be_cut_is_refused_with_the_reason(kind, at, reason):
    """A number that would be wrong is found before any trial depends on it."""
    model = kind(Chain(nn.Identity(), nn.Conv2d(4, 4, 1)))
    found = find_cut_points(model, GROUPS, torch.randn(2, 3, 8, 8), [at])
    assert found.refusals == {at: reason}
    assert not found.points


@pytest.mark.parametrize("kind", [Early, Dropping])
def test_a_cut_moves_before_what_must_be_behind_it(kind):
    """Trained weights or dropout between two groups: the output of the first is kept."""
    model = kind(Chain(nn.Identity(), nn.Conv2d(4, 4, 1)))
    found = find_cut_points(model, GROUPS, torch.randn(2, 3, 8, 8), [1])
    assert (found.points[1].module, found.points[1].side) == ("first", "output")


def test_a_point_that_does_not_fit_is_an_error(build):
    """Points of another architecture never give a result."""
    model, images = build("resnet18")
    found = find_cut_points(model, depth.groups(model), images, [2])
    cut = found.cut(model)
    activation = cut.tap(images, [2])[2]
    model.layer2 = nn.Identity()
    model.layer3[0].conv1 = nn.Conv2d(64, 256, 3, 2, 1)
    with pytest.raises((CutError, RuntimeError)):
        cut.suffix(activation, 2)
