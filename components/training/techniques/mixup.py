"""Mixup: pairs of images and their targets are blended (Zhang et al., ICLR 2018)."""

from typing import Any, ClassVar, Self

import torch
from torch import Tensor
from torch.distributions import Beta

from components.data.batch import Batch
from components.frame.errors import InertError
from components.tasks.task import Task
from components.training.recipe import Setting
from components.training.techniques.technique import Technique


class Mixup(Technique):
    """Blends each image of a batch with the one before, by a weight that is drawn for the batch."""

    name: ClassVar[str] = "mixup"
    needs_images: ClassVar[str] = "mixup blends images before the frozen layers"

    def __init__(self, alpha: float, task: Task) -> None:
        """`alpha`: both parameters of the beta distribution that weights come from, above 0."""
        self.alpha, self.task = alpha, task
        self.batches = 0
        self._weights = Beta(torch.tensor([alpha]), torch.tensor([alpha]))

    @classmethod
    def asked(cls, setting: Setting, task: Task) -> Self | None:
        """Where alpha is above zero."""
        return cls(setting.mixup, task) if setting.mixup else None

    def batch(self, batch: Batch, seed: int) -> Batch:
        """The blended batch; its targets are the task's blended ones, (n, ...) of float32."""
        with torch.random.fork_rng(devices=[]):  # it draws from torch's global state
            torch.manual_seed(seed)
            weight = float(self._weights.sample())
        self.batches += 1
        targets = self.task.blendable(batch.targets)
        return Batch(_blended(batch.inputs, weight), _blended(targets, weight))

    def in_force(self) -> dict[str, Any]:
        """How images were blended.

        Raises:
            InertError: none was.
        """
        if not self.batches:
            raise InertError(f"a mixup of {self.alpha:g} was asked for, but nothing was blended")
        return {"alpha": self.alpha}


def _blended(rows: Tensor, weight: float) -> Tensor:
    """Each of the rows (n, ...) blended with the one before it."""
    return rows.roll(1, 0).mul_(1.0 - weight).add_(rows.mul(weight))
