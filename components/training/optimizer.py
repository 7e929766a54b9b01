"""The optimizer: AdamW over the trained groups, each by name."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import nn

from components.model.groups import Group


def adamw(
    model: nn.Module,
    groups: Sequence[Group],
    freeze_depth: int,
    *,
    learning_rate: float,
    weight_decay: float,
    layer_decay: float = 1.0,
) -> torch.optim.AdamW:
    """AdamW over the groups from `freeze_depth` on; biases and normalisation do not decay.

    Each entry holds the factor on the rate that its layers train with as `scale`: 1.0 at the head,
    and `layer_decay` times less for every group towards the stem (Howard and Ruder, ULMFiT, 2018).
    """
    parameters = list(_entries(model, groups[freeze_depth:], weight_decay, layer_decay))
    for entry in parameters:
        entry["lr"] = learning_rate * entry["scale"]
    return torch.optim.AdamW(parameters, fused=True)  # one pass over memory a step, not a dozen


def _entries(
    model: nn.Module, groups: Sequence[Group], weight_decay: float, layer_decay: float
) -> Iterator[dict[str, Any]]:
    for above, group in zip(reversed(range(len(groups))), groups, strict=True):
        named = [(name, model.get_parameter(name)) for name in group.parameters]
        for decay, wanted in ((weight_decay, True), (0.0, False)):
            chosen = [(name, p) for name, p in named if (p.ndim > 1) is wanted]
            if chosen:
                names, tensors = zip(*chosen, strict=True)
                yield {
                    "params": list(tensors), "names": names, "weight_decay": decay,
                    "scale": layer_decay**above,
                }  # fmt: skip
