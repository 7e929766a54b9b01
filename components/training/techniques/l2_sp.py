"""L2-SP: what was pretrained is pulled to where it started (Li et al. 2018, arXiv:1802.01483)."""

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from components.data.batch import Batch
from components.frame.errors import InertError
from components.model.groups import Group, behind
from components.tasks.task import Task
from components.training.recipe import Setting
from components.training.techniques.technique import Technique


class L2SP(Technique):
    """Adds half the squared distance to the start, times a factor; the head decays as ever.

    The optimizer leaves the weight decay of these groups out (`optimizers.make_optimizer`).
    """

    name: ClassVar[str] = "l2_sp"

    def __init__(self, factor: float) -> None:
        """`factor`: alpha of the paper, above 0."""
        self.factor = factor
        self.held: list[tuple[nn.Parameter, Tensor]] = []
        """Trained parameters below the head, each with a copy of its start."""

    @classmethod
    def asked(cls, setting: Setting, task: Task) -> Self | None:
        """Where the factor is above zero."""
        return cls(setting.l2_sp) if setting.l2_sp else None

    def begin(self, model: nn.Module, groups: Sequence[Group]) -> None:
        """Copy the start."""
        head = behind(groups, len(groups) - 1)
        named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
        self.held = [(p, p.detach().clone()) for name, p in named if name not in head]

    def penalty(self, model: nn.Module, batch: Batch, outputs: Tensor) -> Tensor | None:
        """The factor times half the squared distance."""
        if not self.held:
            return None
        squares = [(now - start).square().sum() for now, start in self.held]
        return 0.5 * self.factor * torch.stack(squares).sum()

    def in_force(self) -> dict[str, Any]:
        """The factor, and how many parameters it holds.

        Raises:
            InertError: none is trained below the head.
        """
        count = sum(start.numel() for _, start in self.held)
        if not count:
            raise InertError(
                f"an l2_sp of {self.factor:g} was asked for, but nothing below the head is trained"
            )
        return {"factor": self.factor, "parameters": count}
