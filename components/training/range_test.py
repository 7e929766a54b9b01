"""Which learning rates a network bears: rates that rise from step to step, on trial.

Smith 2017 (arXiv:1506.01186); how it is judged as in fastai's `lr_find`.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import nn

from components.data.batch import Batch
from components.training.step import DivergedError, Stepper

SMOOTHING = 0.9
"""Weight of the losses before in their running mean."""
HOPELESS = 4.0
"""The test ends where the smoothed loss is so many times the lowest."""
FEWEST = 3
"""Steps without which nothing can be said of a slope."""


@dataclass(frozen=True)
class Tried:
    """A step of the test."""

    learning_rate: float
    loss: float
    """Smoothed."""


def range_test(
    stepper: Stepper, batches: Iterable[Batch], *, low: float, high: float, steps: int
) -> list[Tried]:
    """Take steps at rates that rise from `low` to `high` by equal factors; nothing is left of it.

    Model, optimizer, techniques' counts aside, and torch's random state are as before to the bit.
    It ends early where the loss is hopeless or no number, and with the batches.
    """
    tried: list[Tried] = []
    mean, lowest = 0.0, math.inf
    with unchanged(stepper.model, stepper.optimizer):
        stepper.model.train()
        for number, batch in zip(range(steps), batches, strict=False):
            rate = low * (high / low) ** (number / max(1, steps - 1))
            try:
                loss = float(stepper.step(batch, number, rate)[0])
            except DivergedError:
                break
            mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
            smoothed = mean / (1 - SMOOTHING ** (number + 1))
            tried.append(Tried(rate, smoothed))
            lowest = min(lowest, smoothed)
            if smoothed > HOPELESS * lowest:
                break
    return tried


def steepest(tried: Sequence[Tried]) -> float | None:
    """The rate at which the loss falls fastest; None: it falls nowhere, or the test was too short.

    A good highest rate of a schedule. Between neighbours the rates differ by one factor, so that
    the difference of losses is the slope on a logarithmic scale.
    """
    if len(tried) < FEWEST:
        return None
    slopes = [
        (after.loss - before.loss) / 2 for before, after in zip(tried, tried[2:], strict=False)
    ]
    slope, middle = min(zip(slopes, tried[1:], strict=False), key=lambda pair: pair[0])
    return middle.learning_rate if slope < 0 else None


@contextmanager
def unchanged(model: nn.Module, optimizer: torch.optim.Optimizer) -> Iterator[None]:
    """Whatever trains in the block: afterwards all is as it was, torch's random state included."""
    tensors = [*model.parameters(), *model.buffers()]
    kept = [tensor.detach().clone() for tensor in tensors]
    state = {parameter: deepcopy(own) for parameter, own in optimizer.state.items()}
    groups = [_plain(group) for group in optimizer.param_groups]
    mode = model.training
    try:
        with torch.random.fork_rng():
            yield
    finally:
        with torch.no_grad():
            for tensor, value in zip(tensors, kept, strict=True):
                tensor.copy_(value)
        optimizer.state.clear()
        optimizer.state.update(state)
        for group, plain in zip(optimizer.param_groups, groups, strict=True):
            own = {name: group[name] for name in ("params", "names") if name in group}
            group.clear()
            group.update(own | plain)
        optimizer.zero_grad(set_to_none=True)
        model.train(mode)


def _plain(group: dict[str, object]) -> dict[str, object]:
    """A copy of what an optimizer keeps for a group, without its parameters."""
    return {k: deepcopy(value) for k, value in group.items() if k not in {"params", "names"}}
