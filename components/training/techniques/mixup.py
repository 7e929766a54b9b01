"""Mixup: pairs of images and their targets are blended (Zhang et al., ICLR 2018)."""

from typing import Any, ClassVar, Self

from components.data.batch import Batch
from components.frame.errors import InertError
from components.tasks.task import Task
from components.training.recipe import Setting
from components.training.techniques.blending import (
    Blending,
    alphas,
    blended,
    drawn_weight,
    turn,
)
from components.training.techniques.technique import Technique


class Mixup(Technique):
    """Blends each image of a batch with the one before, by a weight that is drawn for the batch."""

    name: ClassVar[str] = "mixup"
    needs_images: ClassVar[str] = "mixup blends images before the frozen layers"

    def __init__(self, alpha: float, task: Task, among: tuple[Blending, ...] = ("mixup",)) -> None:
        """`alpha`: both parameters of the beta distribution that weights come from, above 0.

        `among`: the techniques that take turns with blending batches.
        """
        self.alpha, self.task, self.among = alpha, task, among
        self.batches = 0

    @classmethod
    def asked(cls, setting: Setting, task: Task) -> Self | None:
        """Where alpha is above zero."""
        return cls(setting.mixup, task, tuple(alphas(setting))) if setting.mixup else None

    def batch(self, batch: Batch, seed: int) -> Batch:
        """The blended batch; its targets are the task's blended ones, (n, ...) of float32."""
        self.batches += 1  # those of which another technique has its turn too: a few may all be
        if turn(self.among, seed) != self.name:
            return batch
        weight = drawn_weight(self.alpha, seed)
        targets = self.task.blendable(batch.targets)
        return Batch(blended(batch.inputs, weight), blended(targets, weight))

    def in_force(self) -> dict[str, Any]:
        """How images were blended.

        Raises:
            InertError: none was.
        """
        if not self.batches:
            raise InertError(f"a mixup of {self.alpha:g} was asked for, but nothing was blended")
        return {"alpha": self.alpha}
