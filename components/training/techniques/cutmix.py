"""CutMix: a box of another image is pasted, targets by area (Yun et al., ICCV 2019)."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Self

import numpy as np
from timm.data.mixup import cutmix_bbox_and_lam

from components.data.batch import Batch
from components.frame.errors import InertError, UsageError
from components.tasks.task import Task
from components.training.recipe import Setting
from components.training.techniques.blending import (
    Blending,
    alphas,
    blended,
    drawn_weight,
    partners,
    turn,
)
from components.training.techniques.technique import Technique


class CutMix(Technique):
    """Pastes a box of the image before into each image of a batch; one box for the batch."""

    name: ClassVar[str] = "cutmix"
    needs_images: ClassVar[str] = "cutmix pastes into images before the frozen layers"

    def __init__(self, alpha: float, task: Task, among: tuple[Blending, ...] = ("cutmix",)) -> None:
        """`alpha`: both parameters of the beta distribution of what is left of an image, above 0.

        `among`: the techniques that take turns with blending batches.
        """
        self.alpha, self.task, self.among = alpha, task, among
        self.batches = 0

    @classmethod
    def asked(cls, setting: Setting, task: Task) -> Self | None:
        """Where alpha is above zero.

        Raises:
            UsageError: the task's targets are no fractions of classes, which areas could be.
        """
        if not setting.cutmix:
            return None
        if task.name != "classification":
            raise UsageError(
                f"search.cutmix must be 0.0 for {task.name}: a box of an image is no fraction of "
                "its target. Take it back: thawline params --reset search.cutmix"
            )
        return cls(setting.cutmix, task, tuple(alphas(setting)))

    def batch(self, batch: Batch, seed: int) -> Batch:
        """The batch with boxes pasted; its targets blended by the area that is left of each."""
        self.batches += 1  # those of which another technique has its turn too: a few may all be
        if turn(self.among, seed) != self.name:
            return batch
        images = batch.inputs.clone()
        with _seeded(seed):
            drawn = drawn_weight(self.alpha, seed)
            (top, bottom, left, right), weight = cutmix_bbox_and_lam(images.shape, drawn)
        box = (..., slice(top, bottom), slice(left, right))
        images[box] = partners(batch.inputs[box])
        targets = self.task.blendable(batch.targets)
        return Batch(images, blended(targets, float(weight)))

    def in_force(self) -> dict[str, Any]:
        """How images were cut.

        Raises:
            InertError: none was.
        """
        if not self.batches:
            raise InertError(f"a cutmix of {self.alpha:g} was asked for, but nothing was pasted")
        return {"alpha": self.alpha}


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Numpy's global state, which timm draws from, set within the block and as before after it."""
    before = np.random.get_state()  # noqa: NPY002  # timm's own
    np.random.seed(seed)  # noqa: NPY002  # timm's own
    try:
        yield
    finally:
        np.random.set_state(before)  # noqa: NPY002  # timm's own
