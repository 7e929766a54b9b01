"""Batch normalisation by the statistics of the pretraining, also in layers that are trained.

Statistics of small batches, of images unlike those of the pretraining, distort what the layers
above were trained on; of a fit of few steps that is most of the harm. What scales and shifts trains
on. As detection has it: He et al., ICCV 2017 (Mask R-CNN), "frozen batch norm".
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, Self

from torch import nn
from torch.nn.modules.batchnorm import _NormBase

from components.frame.errors import InertError
from components.model.freezing import keep_in_evaluation
from components.model.groups import Group
from components.tasks.task import Task
from components.training.recipe import Setting
from components.training.techniques.technique import Technique


class FrozenBatchNorm(Technique):
    """Keeps layers of batch normalisation in evaluation mode while a fit lasts."""

    name: ClassVar[str] = "batch_norm"

    def __init__(self, *, required: bool) -> None:
        """`required`: whether a network without such layers is refused."""
        self.required = required
        self.layers = 0

    @classmethod
    def asked(cls, setting: Setting, task: Task) -> Self | None:
        """Where statistics are not to move."""
        return (
            None
            if setting.batch_norm == "trained"
            else cls(required=setting.batch_norm == "frozen")
        )

    def begin(self, model: nn.Module, groups: Sequence[Group]) -> None:
        """Hold the layers.

        Raises:
            InertError: there are none.
        """
        self.layers = len(_layers(model))
        if self.required and not self.layers:
            raise InertError(
                "batch_norm `frozen` was asked for, but this network has no batch normalisation. "
                "Set search.batch_norm=auto."
            )
        self._hold(model)

    @contextmanager
    def around_epoch(self, model: nn.Module, epoch: int) -> Iterator[None]:
        """Hold them again: a phase that began may have thawed them."""
        self._hold(model)
        yield

    def finish(self, model: nn.Module) -> None:
        """Let them go."""
        for layer in _layers(model):
            vars(layer).pop("train", None)

    def in_force(self) -> dict[str, Any]:
        """How many layers."""
        return {"frozen_layers": self.layers}

    @staticmethod
    def _hold(model: nn.Module) -> None:
        for layer in _layers(model):
            keep_in_evaluation(layer)


def _layers(model: nn.Module) -> list[_NormBase]:
    return [
        module
        for module in model.modules()
        if isinstance(module, _NormBase) and module.track_running_stats
    ]
