"""How long a search may take: what it counts, and how fast this machine is.

Nothing here decides anything: a search is the same on a slow machine, it only takes longer.
"""

import time
from collections.abc import Sequence
from functools import cached_property

import torch

from components.model.freezing import freeze
from components.study.trial import Trial
from components.study.trial_inputs import Reuse

ENOUGH = 0.1
"""The speed is that of the trials once they took so much of a training of the whole network."""


class Eta:
    """Seconds that are left, from multiply-accumulates that are."""

    def __init__(self, reuse: Reuse, expected: float) -> None:
        """`expected`: what the strategy may spend in all, multiply-accumulates."""
        self.reuse, self.expected = reuse, expected

    def left(self, trials: Sequence[Trial], seconds: float) -> float:
        """Seconds to the end of the search, after trials that took so many seconds."""
        spent = sum(trial.cost for trial in trials)
        known = spent > ENOUGH * self.reuse.space.whole
        each = seconds / spent if known else self._measured
        return max(0.0, self.expected - spent) * each

    @cached_property
    def _measured(self) -> float:
        """Seconds a multiply-accumulate, by a training step on blank images."""
        self._step()  # what a process does once is no part of the speed
        started = time.perf_counter()
        self._step()
        rows = self.reuse.plan.batch_size
        return (time.perf_counter() - started) / (
            rows * self.reuse.space.cost.training(0, cached=False)
        )

    def _step(self) -> None:
        model, device = self.reuse.network.model, self.reuse.device
        pretrained = self.reuse.pretrained
        freeze(model, pretrained.groups, 0)
        model.train()
        shape = (self.reuse.plan.batch_size, 3, pretrained.size, pretrained.size)
        blank = torch.zeros(shape, device=device).to(memory_format=torch.channels_last)
        with torch.random.fork_rng():
            model(blank).float().sum().backward()
        model.zero_grad(set_to_none=True)
        if device.type == "cuda":
            torch.cuda.synchronize()
