"""Freezing for good: the groups of layers before the freeze depth are left as they were."""

from collections.abc import Sequence
from typing import ClassVar, Self

from torch import nn

from components.model.groups import Group, behind
from components.tasks.task import Task
from components.training.recipe import Setting
from components.training.techniques.technique import Technique


class FreezeDepth(Technique):
    """Leaves what lies behind the first so many groups to be trained; at 0 all of it."""

    name: ClassVar[str] = "freeze_depth"

    def __init__(self, freeze_depth: int) -> None:
        self.freeze_depth = freeze_depth

    @classmethod
    def asked(cls, setting: Setting, task: Task) -> Self:
        """Always: a network that was used before may be frozen elsewhere."""
        return cls(setting.freeze_depth)

    def trained(
        self, model: nn.Module, groups: Sequence[Group], names: frozenset[str]
    ) -> frozenset[str]:
        """Those behind the freeze depth."""
        return names & behind(groups, self.freeze_depth)
