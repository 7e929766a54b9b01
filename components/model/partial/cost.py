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
    """Multiply-accumulates of a network for one picture."""

    groups: tuple[int, ...]
    """Forwards through each group."""

    def prefix(self, depth: int) -> int:
        """Forwards through the frozen groups: what a kept activation saves each time."""
        return sum(self.groups[:depth])

    def suffix(self, depth: int) -> int:
        """Forwards through the trained groups: what a validation picture costs from the cache."""
        return sum(self.groups[depth:])

    def training(self, depth: int, *, cached: bool) -> int:
        """Forwards and backwards for one training picture."""
        behind = (1 + BACKWARD) * self.suffix(depth)
        return behind if cached else behind + self.prefix(depth)

    def validation(self, depth: int, *, cached: bool) -> int:
        """Forwards for one validation picture."""
        return self.suffix(depth) if cached else sum(self.groups)


def cost(model: nn.Module, groups: Sequence[Group], pictures: Tensor) -> Cost:
    """Count one pass over pictures (N, C, H, W) of the size in use; their values do not matter."""
    return Cost(tuple(trace(model, groups, pictures).macs))
