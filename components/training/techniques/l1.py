"""L1: the sum of the weights' absolute values is added to the loss (Tibshirani 1996)."""

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from components.data.batch import Batch
from components.frame.errors import InertError
from components.model.groups import MATRIX, Group
from components.tasks.task import Task
from components.training.recipe import Setting
from components.training.techniques.technique import Technique


class L1(Technique):
    """Draws the trained weights towards zero by equal steps; biases and norms are left out."""

    name: ClassVar[str] = "l1"

    def __init__(self, factor: float) -> None:
        """`factor`: on the sum, above 0."""
        self.factor = factor
        self.weights: list[nn.Parameter] = []

    @classmethod
    def asked(cls, setting: Setting, task: Task) -> Self | None:
        """Where the factor is above zero."""
        return cls(setting.l1) if setting.l1 else None

    def begin(self, model: nn.Module, groups: Sequence[Group]) -> None:
        """Find the weights."""
        trained = (p for p in model.parameters() if p.requires_grad)
        self.weights = [parameter for parameter in trained if parameter.ndim >= MATRIX]

    def penalty(self, model: nn.Module, batch: Batch, outputs: Tensor) -> Tensor:
        """The factor times the sum."""
        return self.factor * torch.stack([weight.abs().sum() for weight in self.weights]).sum()

    def in_force(self) -> dict[str, Any]:
        """The factor, and of how many weights the sum is.

        Raises:
            InertError: of none.
        """
        count = sum(weight.numel() for weight in self.weights)
        if not count:
            raise InertError(f"an l1 of {self.factor:g} was asked for, but no weight is trained")
        return {"factor": self.factor, "weights": count}
