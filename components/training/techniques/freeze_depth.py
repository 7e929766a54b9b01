"""Freezing for good: the groups of layers before the freeze depth are left as they were."""

from collections.abc import Sequence
from typing import ClassVar, Self

from torch import nn

from components.model.freezing import freeze
from components.model.groups import Group
from components.tasks.task import Task
from components.training.recipe import Setting
from components.training.techniques.technique import Technique


class FreezeDepth(Technique):
    """Freezes the first so many groups; at 0 it thaws all of them. The audit sees to it."""

    name: ClassVar[str] = "freeze_depth"

    def __init__(self, freeze_depth: int) -> None:
        self.freeze_depth = freeze_depth

    @classmethod
    def asked(cls, setting: Setting, task: Task) -> Self:
        """Always: a network that was used before may be frozen elsewhere."""
        return cls(setting.freeze_depth)

    def prepare(self, model: nn.Module, groups: Sequence[Group]) -> None:
        """Freeze, once and for all."""
        freeze(model, groups, self.freeze_depth)
