"""The optimizer: AdamW over the trained groups, each by name."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import nn

from components.model.depth import Group


def adamw(
    model: nn.Module,
    groups: Sequence[Group],
    depth: int,
    *,
    learning_rate: float,
    weight_decay: float,
) -> torch.optim.AdamW:
    """AdamW over the groups from `depth` on; biases and normalisation do not decay."""
    parameters = list(_entries(model, groups[depth:], weight_decay))
    return torch.optim.AdamW(parameters, lr=learning_rate)


def _entries(
    model: nn.Module, groups: Sequence[Group], weight_decay: float
) -> Iterator[dict[str, Any]]:
    for group in groups:
        named = [(name, model.get_parameter(name)) for name in group.parameters]
        for decay, wanted in ((weight_decay, True), (0.0, False)):
            chosen = [(name, p) for name, p in named if (p.ndim > 1) is wanted]
            if chosen:
                names, tensors = zip(*chosen, strict=True)
                yield {"params": list(tensors), "names": names, "weight_decay": decay}
