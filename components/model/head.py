"""The new classifier on top of a pretrained network."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, cast

import torch
from torch import Tensor, nn

from components.frame.errors import UsageError
from components.model.hidden_layers import HiddenLayer, hidden_layers

HEAD_STD = 0.01
"""Standard deviation of a new head's weights. With timm's own, five epochs of full fine-tuning of
MobileNetV2 end 4 to 10 points lower (docs/log.md)."""

KNOWN = "_known_outputs"
"""Where a network keeps which of its outputs its starting weights could give already."""


def know_outputs(model: nn.Module, outputs: Sequence[int]) -> None:
    """Note which outputs of a classifier are no new ones."""
    vars(model)[KNOWN] = tuple(outputs)


def known_outputs(model: nn.Module) -> tuple[int, ...]:
    """Which outputs its starting weights could give already, by `know_outputs`; empty: none."""
    return tuple(vars(model).get(KNOWN, ()))


class LayeredHead(nn.Sequential):
    """Hidden layers and the classifier, in place of a network's own classifier alone."""

    def __init__(self, features: int, layers: Sequence[HiddenLayer], outputs: int) -> None:
        widths = [features, *(layer.width for layer in layers)]
        parts: list[nn.Module] = []
        for (wide, narrow), layer in zip(pairwise(widths), layers, strict=True):
            linear = nn.Linear(wide, narrow)
            nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
            nn.init.zeros_(linear.bias)
            parts += [linear, nn.ReLU(), nn.Dropout(layer.dropout)]
        super().__init__(*parts, nn.Linear(widths[-1], outputs))


def add_hidden_layers(model: nn.Module, text: str) -> None:
    """Put hidden layers, drawn from torch's present random state, below the classifier.

    The weights are He's, for what ReLU leaves (He et al., ICCV 2015); the classifier is a new one.

    Raises:
        UsageError: the classifier is something else than one linear layer.
    """
    if layers := hidden_layers(text):
        for path in classifier_names(model):
            plain = model.get_submodule(path)
            if not isinstance(plain, nn.Linear):
                raise UsageError(
                    f"head_layers must be `none` for a classifier that is a {type(plain).__name__} "
                    f"instead of one linear layer, but is {text}."
                )
            head = LayeredHead(plain.in_features, layers, plain.out_features)
            model.set_submodule(path, head.to(plain.weight.device).train(model.training))


def draw_head(model: nn.Module) -> None:
    """Draw the classifier's weights from N(0, 0.01) and set its bias to zero."""
    for module in last_layers(model):
        nn.init.normal_(module.weight, std=HEAD_STD)
        _clear_bias(module)


def zero_head(model: nn.Module) -> None:
    """Set the classifier's weights and bias to zero: all classes are as likely at first."""
    for module in last_layers(model):
        nn.init.zeros_(module.weight)
        _clear_bias(module)


def last_layers(model: nn.Module) -> list[nn.Linear | nn.Conv2d]:
    """The layers of the classifier, hidden ones aside; two classifiers in a few networks."""
    classifier = cast("Any", model).get_classifier()
    heads = classifier if isinstance(classifier, tuple) else (classifier,)
    tops = (head[-1] if isinstance(head, LayeredHead) else head for head in heads)
    modules = (module for top in tops for module in top.modules())
    return [module for module in modules if isinstance(module, nn.Linear | nn.Conv2d)]


def classifier_names(model: nn.Module) -> tuple[str, ...]:
    """The modules that make scores of features, by timm's own account: one, or two in a few."""
    names = cast("Any", model).pretrained_cfg["classifier"]
    return (names,) if isinstance(names, str) else tuple(names)


def grow_head(
    weight: Tensor,
    bias: Tensor | None,
    old_names: Sequence[str],
    new_names: Sequence[str],
    seed: int,
) -> tuple[Tensor, Tensor | None]:
    """A classifier for `new_names` that keeps the rows of those it knows; the others are drawn.

    Args:
        weight: (old names, ...).
        bias: (old names,), or none.
        old_names: what the rows stand for.
        new_names: what the rows of the result stand for, in that order.
        seed: draws new rows as `draw_head` does, from N(0, 0.01), with a bias of zero.
    """
    drawn = torch.Generator().manual_seed(seed)
    shape = (len(new_names), *weight.shape[1:])
    grown = torch.randn(shape, generator=drawn, dtype=weight.dtype) * HEAD_STD
    offsets = None if bias is None else torch.zeros(len(new_names), dtype=bias.dtype)
    place = {name: row for row, name in enumerate(old_names)}
    for row, name in enumerate(new_names):
        if name in place:
            grown[row] = weight[place[name]]
            if offsets is not None and bias is not None:
                offsets[row] = bias[place[name]]
    return grown, offsets


def _clear_bias(layer: nn.Linear | nn.Conv2d) -> None:
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
