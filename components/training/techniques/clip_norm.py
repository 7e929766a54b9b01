"""Gradients are scaled down to a norm at most (Pascanu et al. 2013, arXiv:1211.5063)."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from components.tasks.task import Task
from components.training.recipe import Setting
from components.training.techniques.technique import Technique


class ClipNorm(Technique):
    """Bounds the norm of all gradients of a step together."""

    name: ClassVar[str] = "clip_norm"

    def __init__(self, most: float) -> None:
        """`most`: the norm at most, above 0."""
        self.most = most
        self.steps = self.clipped = 0

    @classmethod
    def asked(cls, setting: Setting, task: Task) -> Self | None:
        """Where a norm above zero is the most."""
        return cls(setting.clip_norm) if setting.clip_norm else None

    def gradients(self, model: nn.Module) -> None:
        """Scale them down where their norm is higher."""
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), self.most)
        self.steps += 1
        self.clipped += int(norm > self.most)

    def state(self) -> dict[str, Tensor]:
        """The counts."""
        return {"steps": torch.tensor(self.steps), "clipped": torch.tensor(self.clipped)}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """The counts."""
        self.steps, self.clipped = int(state["steps"]), int(state["clipped"])

    def in_force(self) -> dict[str, Any]:
        """The norm at most, and in how many of the steps it was exceeded: a guard, maybe none."""
        return {"most": self.most, "steps": self.steps, "clipped": self.clipped}
