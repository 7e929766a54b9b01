"""Which images an epoch trains on: samplers by the field's names, and the pace of a curriculum."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from components.frame.errors import UsageError
from components.training.recipe import Setting

Rows = NDArray[np.int64]
Sampler = Callable[[NDArray[Any], int, np.random.Generator], Rows]
"""From targets (images, ...), a number of rows and what draws to so many rows."""
EASIEST = 0.04
"""Fraction of the images that a curriculum begins with, as in the paper's experiments."""


def shuffled(targets: NDArray[Any], number: int, rng: np.random.Generator) -> Rows:
    """Every image once, and again in another order where more are asked for."""
    return _cycled(np.arange(len(targets)), number, rng)


def balanced(targets: NDArray[Any], number: int, rng: np.random.Generator) -> Rows:
    """Every class equally often, within one; the images of a class equally often too."""
    classes = rng.permutation(np.unique(targets))  # what is left over is not always the first's
    quotas = [len(part) for part in np.array_split(np.arange(number), len(classes))]
    drawn = [
        _cycled(np.flatnonzero(targets == one), quota, rng)
        for one, quota in zip(classes, quotas, strict=True)
    ]
    return rng.permutation(np.concatenate(drawn))


SAMPLERS: dict[str, Sampler] = {"shuffled": shuffled, "balanced": balanced}


@dataclass(frozen=True, kw_only=True)
class Curriculum:
    """From the easy images to all of them, as an epoch after the other goes by.

    Hacohen and Weinshall, "On the power of curriculum learning in training deep networks", ICML
    2019: images sorted by how hard they are to a classifier on pretrained features, exponential
    pacing, and of every class the same fraction.
    """

    losses: tuple[float, ...]
    """Of each image that is trained on."""
    epochs: int
    """Of the fit."""
    length: float
    """Fraction of the epochs after which all images take part, above 0 to 1."""

    def fraction(self, epoch: int) -> float:
        """Of the images, the easiest first, that an epoch, from 1, draws from."""
        grown = min(1.0, (epoch - 1) / (self.length * self.epochs))
        return float(EASIEST ** (1.0 - grown))

    def rows(self, targets: NDArray[Any], epoch: int) -> Rows:
        """The rows that an epoch draws from: of each class its easiest, one at the least."""
        losses, chosen = np.asarray(self.losses), []
        for rows in strata(targets):
            easiest = rows[np.argsort(losses[rows], kind="stable")]
            chosen.append(easiest[: max(1, round(self.fraction(epoch) * len(rows)))])
        return np.sort(np.concatenate(chosen))


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """Which images an epoch trains on; the same ones each time it is asked for."""

    sampler: str = "shuffled"
    """A name in `SAMPLERS`."""
    curriculum: Curriculum | None = None

    @classmethod
    def of(cls, setting: Setting, epochs: int, losses: Callable[[], tuple[float, ...]]) -> Self:
        """As a setting asks for it; `losses`, of each training image, are asked for if needed."""
        if not setting.curriculum:
            return cls(sampler=setting.sampling)
        curriculum = Curriculum(losses=losses(), epochs=epochs, length=setting.curriculum)
        return cls(sampler=setting.sampling, curriculum=curriculum)

    def rows(self, targets: NDArray[Any], size: int, *, seed: int, epoch: int) -> Rows:
        """The rows of an epoch's whole batches of this size; as many whatever is drawn."""
        rng, number = np.random.default_rng([seed, epoch]), len(targets)
        sampler = SAMPLERS[self.sampler]
        if self.curriculum is None:
            order = sampler(targets, number, rng)
        else:
            pool = self.curriculum.rows(targets, epoch)
            order = pool[sampler(targets[pool], number, rng)]
        return order[: max(size, number // size * size)]


PLAIN = Sampling()
"""Every image once an epoch."""


def check(
    samplers: Collection[str], curricula: Collection[float], targets: NDArray[Any], where: str
) -> None:
    """See that these targets can be drawn from as they are asked to be, and not only as ever.

    Args:
        samplers: the names of those asked for.
        curricula: the lengths asked for.
        targets: of the images that are trained on.
        where: what asks.

    Raises:
        UsageError: they are no classes, or all classes have as many images.
    """
    asked = "sampling=balanced" if "balanced" in samplers else ""
    asked = asked or ("curriculum" if any(curricula) else "")
    if asked and not is_of_classes(targets):
        raise UsageError(f"{where}: {asked} must be for a task with classes, but this has none.")
    sizes = {len(rows) for rows in strata(targets)}
    if "balanced" in samplers and len(sizes) == 1:
        raise UsageError(
            f"{where}: sampling=balanced must have an effect, but every class has "
            f"{sizes.pop():,} images to train on. Take it back: thawline params --reset "
            "search.sampling"
        )


def strata(targets: NDArray[Any]) -> list[Rows]:
    """The rows of each class, or all together where targets are no classes."""
    if not is_of_classes(targets):
        return [np.arange(len(targets))]
    return [np.flatnonzero(targets == one) for one in np.unique(targets)]


def is_of_classes(targets: NDArray[Any]) -> bool:
    """Whether targets are numbers of classes, one an image."""
    return targets.ndim == 1 and np.issubdtype(targets.dtype, np.integer)


def _cycled(rows: Rows, number: int, rng: np.random.Generator) -> Rows:
    """So many of the rows: all of them shuffled, once more after that, and so on."""
    rounds = max(1, -(-number // len(rows)))
    return np.concatenate([rows[rng.permutation(len(rows))] for _ in range(rounds)])[:number]
