"""Surgical fine-tuning: a third of the layers alone (Lee et al., ICLR 2023, arXiv:2210.11466)."""

from collections.abc import Sequence
from typing import Any, ClassVar, Self

from torch import nn

from components.frame.errors import InertError
from components.model.groups import Group
from components.tasks.task import Task
from components.training.recipe import Setting
from components.training.techniques.technique import Technique

THIRDS = ("first", "middle", "last")


class Surgical(Technique):
    """Of the groups of layers that the freeze depth leaves, trains a third and the head."""

    name: ClassVar[str] = "surgical"

    def __init__(self, third: str) -> None:
        """`third`: `first` is the one nearest to the stem."""
        self.third = third
        self.chosen: list[str] = []

    @classmethod
    def asked(cls, setting: Setting, task: Task) -> Self | None:
        """Where one third alone is to be trained."""
        return None if setting.surgical == "none" else cls(setting.surgical)

    def trained(
        self, model: nn.Module, groups: Sequence[Group], names: frozenset[str]
    ) -> frozenset[str]:
        """The third's and the head's.

        Raises:
            InertError: so few groups are left that there is none in it.
        """
        below = [group for group in groups[:-1] if names.intersection(group.parameters)]
        place = THIRDS.index(self.third)
        first, end = (round(len(below) * edge / len(THIRDS)) for edge in (place, place + 1))
        chosen = below[first:end]
        if not chosen:
            raise InertError(
                f"surgical `{self.third}` was asked for, but of {len(below)} groups of layers that "
                "train below the head none is in that third. Set search.surgical=none, or a lower "
                "freeze depth."
            )
        self.chosen = [group.name for group in chosen]
        wanted = {name for group in (*chosen, groups[-1]) for name in group.parameters}
        return names & wanted

    def in_force(self) -> dict[str, Any]:
        """The groups below the head that train."""
        return {"third": self.third, "groups": self.chosen}
