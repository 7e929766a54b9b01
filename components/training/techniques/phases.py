"""Training in phases: the head first, then more and more below it, until all that trains does.

Progressive: gradual unfreezing, ULMFiT (Howard and Ruder, ACL 2018, arXiv:1801.06146). In two
phases: LP-FT (Kumar et al., ICLR 2022, arXiv:2202.10054). The schedule of the rate, its warm-up
included, starts anew with each phase.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, Self

from torch import nn

from components.model.freezing import train_only
from components.model.groups import Group
from components.tasks.task import Task
from components.training.recipe import Setting
from components.training.techniques.technique import Technique

LP_SHARE = 1 / 4
"""Of the epochs, for the head alone, in two phases."""
THAWING_SHARE = 1 / 2
"""Of the epochs, at most, in which some of what trains is still frozen, with one phase each."""


class Phases(Technique):
    """Freezes, for the length of an epoch, what its phase does not train yet."""

    name: ClassVar[str] = "phases"

    def __init__(self, kind: str) -> None:
        """`kind`: `lp_ft` or `progressive`."""
        self.kind = kind
        self.trained_by_phase: list[frozenset[str]] = []
        self.starts: tuple[int, ...] = (1,)
        self._groups: tuple[frozenset[str], ...] = ()

    @classmethod
    def asked(cls, setting: Setting, task: Task) -> Self | None:
        """Where there is more than one phase."""
        return None if setting.phases == "none" else cls(setting.phases)

    def begin(self, model: nn.Module, groups: Sequence[Group]) -> None:
        """Note what trains, by group from the stem to the head."""
        trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
        parts = (trained.intersection(group.parameters) for group in groups)
        self._groups = tuple(frozenset(part) for part in parts if part)

    def phases(self, epochs: int) -> tuple[int, ...]:
        """The first epochs of the phases; with one epoch, or one group that trains, one phase."""
        count = len(self._groups)
        if epochs == 1 or count == 1:
            self.starts, depths = (1,), [0]
        elif self.kind == "lp_ft":
            self.starts, depths = (1, 1 + max(1, round(LP_SHARE * epochs))), [count - 1, 0]
        else:
            early = min(count - 1, max(1, int(THAWING_SHARE * epochs)))
            self.starts = tuple(range(1, early + 2))
            depths = [round((count - 1) * (1 - phase / early)) for phase in range(early + 1)]
        self.trained_by_phase = [frozenset().union(*self._groups[depth:]) for depth in depths]
        return self.starts

    @contextmanager
    def around_epoch(self, model: nn.Module, epoch: int) -> Iterator[None]:
        """Train what the epoch's phase trains; afterwards all is as it was."""
        phase = sum(start <= epoch for start in self.starts) - 1
        train_only(model, self.trained_by_phase[phase])
        try:
            yield
        finally:
            train_only(model, frozenset().union(*self._groups))

    def in_force(self) -> dict[str, Any]:
        """The first epoch of each phase, and how many tensors train in it."""
        tensors = [len(names) for names in self.trained_by_phase]
        return {"kind": self.kind, "starts": list(self.starts), "tensors": tensors}
