"""What training costs, counted in multiply-accumulates instead of timed: equal on every machine.

Products of matrices and convolutions are counted, forwards once, and backwards twice for what is
trained: for the gradients of the weights and for those handed on to the layer before.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from components.model.groups import Group
from components.model.partial.trace import trace

BACKWARD = 2
"""Passes backwards cost as much as this many forwards."""


@dataclass(frozen=True)
class Cost:
    """Multiply-accumulates of a network for one image."""

    groups: tuple[int, ...]
    """Forwards through each group."""

    def prefix(self, freeze_depth: int) -> int:
        """Forwards through the frozen groups: what a kept activation saves each time."""
        return sum(self.groups[:freeze_depth])

    def suffix(self, freeze_depth: int) -> int:
        """Forwards through the trained groups: what a validation image costs from the cache."""
        return sum(self.groups[freeze_depth:])

    def training(self, freeze_depth: int, *, cached: bool) -> int:
        """Forwards and backwards for one training image."""
        behind = (1 + BACKWARD) * self.suffix(freeze_depth)
        return behind if cached else behind + self.prefix(freeze_depth)

    def validation(self, freeze_depth: int, *, cached: bool) -> int:
        """Forwards for one validation image."""
        return self.suffix(freeze_depth) if cached else sum(self.groups)


def cost(model: nn.Module, groups: Sequence[Group], images: Tensor) -> Cost:
    """Count one pass over images (N, C, H, W) of the size in use; their values do not matter."""
    return Cost(tuple(trace(model, groups, images).macs))
