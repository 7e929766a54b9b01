"""The classifier: hidden layers below it, its start, and its rows as classes come and go."""

import pytest
import torch
from torch import nn

from components.frame.errors import UsageError
from components.model.backbone import create
from components.model.groups import groups
from components.model.head import (
    HEAD_STD,
    add_hidden_layers,
    draw_head,
    grow_head,
    last_layers,
    zero_head,
)
from components.model.hidden_layers import HiddenLayer, hidden_layers

OLD, NEW = ["ant", "bee", "cat"], ["bee", "bat", "cat", "dog"]


@pytest.mark.parametrize(
    ("text", "layers"),
    [
        ("none", ()),
        ("256", (HiddenLayer(256, 0.0),)),
        ("512:0.2+64:.5", (HiddenLayer(512, 0.2), HiddenLayer(64, 0.5))),
    ],
)
def test_hidden_layers_are_read(text, layers):
    assert hidden_layers(text) == layers


@pytest.mark.parametrize("text", ["", "0", "64:1", "64:1.5", "64+", "+64", "64;0.1", "-3", "wide"])
def test_other_words_are_refused(text):
    with pytest.raises(ValueError, match=r"such as 512:0\.2"):
        hidden_layers(text)


@pytest.mark.parametrize("architecture", ["test_efficientnet", "test_vit", "test_convnext"])
def test_hidden_layers_stand_between_the_features_and_the_classifier(architecture):
    model = create(architecture, 3, 32, {}).eval()
    width = last_layers(model)[0].in_features
    add_hidden_layers(model, "16:0.5+8")
    head = model.get_classifier()
    image = torch.randn(2, 3, 32, 32)
    kinds = [nn.Linear, nn.ReLU, nn.Dropout, nn.Linear, nn.ReLU, nn.Dropout, nn.Linear]
    assert [type(part) for part in head] == kinds
    assert [part.out_features for part in head if isinstance(part, nn.Linear)] == [16, 8, 3]
    assert [part.p for part in head if isinstance(part, nn.Dropout)] == [0.5, 0.0]
    assert head[0].in_features == width
    with torch.inference_mode():
        features = model.forward_head(model.forward_features(image), pre_logits=True)
        assert torch.allclose(model(image), head(features), atol=1e-6)
    owned = {id(parameter) for parameter in head.parameters()}
    last = {id(model.get_parameter(name)) for name in groups(model)[-1].parameters}
    assert owned == last


def test_the_classifier_alone_is_drawn_small_or_zero():
    model = create("test_vit", 3, 32, {})
    add_hidden_layers(model, "4000")
    hidden, top = model.get_classifier()[0], last_layers(model)[0]
    assert float(hidden.weight.detach().std()) == pytest.approx((2 / 64) ** 0.5, rel=0.02)
    draw_head(model)
    assert top.weight.shape == (3, 4000)
    assert float(top.weight.detach().std()) == pytest.approx(HEAD_STD, rel=0.05)
    assert not top.bias.any()
    assert hidden.weight.any()
    zero_head(model)
    assert not top.weight.any()
    assert hidden.weight.any()


def test_a_classifier_of_another_form_is_refused():
    model = create("test_vit", 3, 32, {})
    model.head = nn.Conv2d(64, 3, 1)
    with pytest.raises(UsageError, match="Conv2d"):
        add_hidden_layers(model, "8")


def test_rows_follow_their_class_by_name():
    weight, bias = torch.randn(3, 5), torch.randn(3)
    grown, biases = grow_head(weight, bias, OLD, NEW, seed=0)
    assert grown.shape == (4, 5)
    assert torch.equal(grown[[0, 2]], weight[[1, 2]])
    assert torch.equal(biases[[0, 2]], bias[[1, 2]])
    assert not biases[[1, 3]].any()
    assert 0 < grown[[1, 3]].abs().max() < 5 * HEAD_STD


def test_new_rows_are_drawn_by_the_seed_alone():
    weight, bias = torch.randn(3, 200, 1, 1), torch.randn(3)
    one, again, other = (grow_head(weight, bias, OLD, NEW, seed=seed)[0] for seed in (4, 4, 5))
    assert torch.equal(one, again)
    assert not torch.equal(one[1], other[1])
    assert float(one[[1, 3]].std()) == pytest.approx(HEAD_STD, rel=0.15)


def test_equal_classes_keep_their_rows_in_another_order():
    weight, bias = torch.randn(3, 5), torch.randn(3)
    grown, biases = grow_head(weight, bias, OLD, OLD[::-1], seed=0)
    assert torch.equal(grown, weight.flip(0))
    assert torch.equal(biases, bias.flip(0))
