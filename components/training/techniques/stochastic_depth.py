"""Stochastic depth: residual branches are dropped in training (Huang et al., ECCV 2016)."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, ClassVar, Self

from torch import nn

from components.frame.errors import InertError
from components.model.drop_paths import Rates, drop_paths, dropping
from components.model.groups import Group
from components.tasks.task import Task
from components.training.recipe import Setting
from components.training.techniques.technique import Technique


class StochasticDepth(Technique):
    """Drops each residual branch of an image at timm's rates, which rise from stem to head.

    Frozen layers keep theirs. Outside of training nothing is dropped, and nothing of it is left in
    the network that was trained.
    """

    name: ClassVar[str] = "stochastic_depth"

    def __init__(self, rate: float) -> None:
        """`rate`: of the last branch, above 0, below 1."""
        self.rate = rate
        self._rates: Rates = {}
        self._dropped: set[str] = set()

    @classmethod
    def asked(cls, setting: Setting, task: Task) -> Self | None:
        """Where the rate is above zero."""
        return cls(setting.stochastic_depth) if setting.stochastic_depth else None

    def prepare(self, model: nn.Module, groups: Sequence[Group]) -> Sequence[Group]:
        """Find what there is to drop.

        Raises:
            UsageError: nothing, in this architecture.
        """
        self._rates = drop_paths(model, self.rate)
        return groups

    @contextmanager
    def around_epoch(self, model: nn.Module, epoch: int) -> Iterator[None]:
        """Drop within the block."""
        self._dropped.clear()
        with dropping(model, self._rates) as layers:
            for path, layer in layers.items():
                layer.register_forward_hook(partial(self._note, path))
            yield

    def in_force(self) -> dict[str, Any]:
        """The rate, and how many branches were dropped at random.

        Raises:
            InertError: none was in the last epoch: those that train have none to drop.
        """
        if not self._dropped:
            raise InertError(
                f"a stochastic depth of {self.rate:g} was asked for, but no layer that trains has "
                "a branch to drop"
            )
        return {"rate": self.rate, "layers": len(self._dropped)}

    def _note(self, path: str, module: nn.Module, inputs: object, output: object) -> None:
        if module.training:
            self._dropped.add(path)
