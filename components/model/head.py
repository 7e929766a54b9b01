"""The new classifier on top of a pretrained network."""

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

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


def draw_head(model: nn.Module) -> None:
    """Draw the classifier's weights from N(0, 0.01) and set its bias to zero."""
    for module in last_layers(model):
        nn.init.normal_(module.weight, std=HEAD_STD)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def last_layers(model: nn.Module) -> list[nn.Linear | nn.Conv2d]:
    """The layers of the classifier; two classifiers in a few networks."""
    classifier = cast("Any", model).get_classifier()
    heads = classifier if isinstance(classifier, tuple) else (classifier,)
    modules = (module for head in heads for module in head.modules())
    return [module for module in modules if isinstance(module, nn.Linear | nn.Conv2d)]


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
