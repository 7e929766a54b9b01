"""Random erasing: a rectangle of an image becomes noise (Zhong et al., AAAI 2020)."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Self

import torch
from timm.data.random_erasing import RandomErasing

from components.data.batch import Batch
from components.frame.errors import InertError
from components.tasks.task import Task
from components.training.recipe import Setting
from components.training.techniques.technique import Technique


class Erasing(Technique):
    """Replaces a rectangle of some images by normal noise, pixel by pixel; timm's own."""

    name: ClassVar[str] = "erasing"
    needs_images: ClassVar[str] = "erasing changes images before the frozen layers"

    def __init__(self, probability: float) -> None:
        """`probability`: that an image is changed, above 0 to 1."""
        self.probability = probability
        self.images = 0
        self._erase = RandomErasing(probability, mode="pixel", device="cpu")

    @classmethod
    def asked(cls, setting: Setting, task: Task) -> Self | None:
        """Where the probability is above zero."""
        return cls(setting.erasing) if setting.erasing else None

    def batch(self, batch: Batch, seed: int) -> Batch:
        """The batch with rectangles erased; its targets stay."""
        with _seeded(seed):
            images = self._erase(batch.inputs.clone())
        self.images += len(batch)  # how many are erased is chance, and of a few it may be none
        return Batch(images, batch.targets)

    def in_force(self) -> dict[str, Any]:
        """How often images were erased.

        Raises:
            InertError: none was.
        """
        if not self.images:
            raise InertError(
                f"an erasing of {self.probability:g} was asked for, but nothing was erased"
            )
        return {"probability": self.probability}


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Python's and torch's global states, which timm draws from, set within the block alone."""
    before = random.getstate()
    random.seed(seed)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            yield
    finally:
        random.setstate(before)
