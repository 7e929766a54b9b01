"""A soup: the weights of the best epochs averaged, as far as validation gets better.

Greedily, the best epoch first (recipe 1 of Wortsman et al., ICML 2022), and then on the way back to
the weights that the fit started from (WiSE-FT: Wortsman et al., CVPR 2022). A classifier that
started at random takes no part in the latter.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import torch
from torch import Tensor

from components.training.checkpoint import Tensors
from components.training.validate import Validated

MOST = 5
"""Epochs whose weights are kept for it."""
FRACTIONS = (0.75, 0.5, 0.25)
"""Of the way from the start to the average, that are tried besides all of it."""


@dataclass(frozen=True, kw_only=True)
class Soup:
    """What was averaged, and what that reaches."""

    epochs: tuple[int, ...]
    """Whose weights are averaged, the best one first."""
    fraction: float
    """Of the way from the start to their average, above 0 and up to 1."""
    validation: Validated
    tensors: Tensors
    """Trained parameters, and the buffers that go with them."""


Judge = Callable[[Tensors], tuple[Validated, Tensors]]
"""What weights reach on validation images, and the weights with the statistics of their own."""


def cook(
    kept: Mapping[int, Tensors],
    reached: Validated,
    start: Tensors,
    head: Collection[str],
    judge: Judge,
) -> Soup:
    """The soup of some epochs' weights.

    Args:
        kept: the weights by epoch, the best one first.
        reached: what the best one reached.
        start: those that the fit started from.
        head: the names of those that started at random, the classifier's.
        judge: tells how good a mixture is.
    """
    first = next(iter(kept))
    soup = Soup(epochs=(first,), fraction=1.0, validation=reached, tensors=kept[first])
    for epoch in list(kept)[1:]:
        epochs = (*soup.epochs, epoch)
        soup = _better(soup, epochs, 1.0, average([kept[one] for one in epochs]), judge)
    end = soup.tensors
    for fraction in FRACTIONS:
        mixed = interpolated(start, end, fraction, head)
        soup = _better(soup, soup.epochs, fraction, mixed, judge)
    return soup


def _better(
    soup: Soup, epochs: tuple[int, ...], fraction: float, tensors: Tensors, judge: Judge
) -> Soup:
    """The soup, or another mixture where that is as good."""
    found, settled = judge(tensors)
    if found.rank < soup.validation.rank:
        return soup
    return Soup(epochs=epochs, fraction=fraction, validation=found, tensors=settled)


def average(several: Sequence[Tensors]) -> Tensors:
    """The mean of weights; of counters the first."""
    return {
        name: _mean([one[name] for one in several]) if value.is_floating_point() else value
        for name, value in several[0].items()
    }


def interpolated(start: Tensors, end: Tensors, fraction: float, head: Collection[str]) -> Tensors:
    """`end` drawn back to `start`: so much of the way is left; the head's stay."""
    return {
        name: torch.lerp(start[name], value, fraction)
        if name not in head and value.is_floating_point()
        else value
        for name, value in end.items()
    }


def _mean(values: Sequence[Tensor]) -> Tensor:
    return reduce(torch.add, values) / len(values)
