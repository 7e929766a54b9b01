"""Optimizers over the groups of a network that are trained, by the field's names."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import torch
from torch import nn

from components.model.groups import Group
from components.training.recipe import Recipe, Setting

OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adamw": partial(torch.optim.AdamW, fused=True),  # one pass over memory a step, not a dozen
}


def make_optimizer(
    model: nn.Module, groups: Sequence[Group], recipe: Recipe
) -> torch.optim.Optimizer:
    """An optimizer of what is not frozen; biases and normalisation do not decay.

    Each of its entries holds the factor on the rate that its layers train with as `scale`: 1.0 at
    the head, and `layer_decay` times less for every group towards the stem (Howard and Ruder,
    ULMFiT, 2018).
    """
    entries = list(_entries(model, groups, recipe.setting))
    for entry in entries:
        entry["lr"] = recipe.setting.learning_rate * entry["scale"]
    return OPTIMIZERS[recipe.optimizer](entries)


def _entries(
    model: nn.Module, groups: Sequence[Group], setting: Setting
) -> Iterator[dict[str, Any]]:
    """Of each group the matrices, which decay, and the vectors, which do not."""
    for above, group in zip(reversed(range(len(groups))), groups, strict=True):
        named = [(name, model.get_parameter(name)) for name in group.parameters]
        trained = [(name, parameter) for name, parameter in named if parameter.requires_grad]
        for decay, wanted in ((setting.weight_decay, True), (0.0, False)):
            chosen = [(name, p) for name, p in trained if (p.ndim > 1) is wanted]
            if chosen:
                names, tensors = zip(*chosen, strict=True)
                yield {
                    "params": list(tensors),
                    "names": names,
                    "weight_decay": decay,
                    "scale": setting.layer_decay**above,
                }
