"""Dropout in front of the classifier (Srivastava et al., JMLR 15, 2014)."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Self

from torch import Tensor, nn

from components.frame.errors import InertError
from components.model.head import last_layers
from components.tasks.task import Task
from components.training.recipe import Setting
from components.training.techniques.technique import Technique


class HeadDropout(Technique):
    """Drops a fraction of what the classifier reads while it trains.

    It comes on top of what the architecture itself drops, and is the same for every architecture:
    timm's networks keep theirs in different places.
    """

    name: ClassVar[str] = "head_dropout"

    def __init__(self, fraction: float) -> None:
        """`fraction`: above 0, below 1."""
        self.fraction = fraction
        self.layers = 0
        self._dropped = False

    @classmethod
    def asked(cls, setting: Setting, task: Task) -> Self | None:
        """Where a fraction above zero is to be dropped."""
        return cls(setting.head_dropout) if setting.head_dropout else None

    @contextmanager
    def around_epoch(self, model: nn.Module, epoch: int) -> Iterator[None]:
        """Drop within the block."""
        layers = last_layers(model)
        self.layers, self._dropped = len(layers), False
        handles = [layer.register_forward_pre_hook(self._drop) for layer in layers]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def in_force(self) -> dict[str, Any]:
        """The layers whose input is dropped, and how much of it.

        Raises:
            InertError: nothing was dropped in the last epoch.
        """
        if not self._dropped:
            raise InertError(
                f"a head dropout of {self.fraction:g} was asked for, but nothing was dropped"
            )
        return {"fraction": self.fraction, "layers": self.layers}

    def _drop(self, module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        self._dropped = self._dropped or module.training
        kept = nn.functional.dropout(inputs[0], self.fraction, training=module.training)
        return (kept, *inputs[1:])
