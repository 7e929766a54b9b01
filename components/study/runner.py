"""Runs one trial: a setting for so many epochs, from the cache where that pays."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from components.frame.errors import InertError
from components.frame.seeds import derived_seed
from components.model.groups import groups
from components.study.plan import Plan
from components.study.trial import Asked, Trial
from components.study.trial_inputs import Reuse
from components.training.fit import fit
from components.training.history import Epoch, OnEpoch
from components.training.recipe import Recipe, Setting
from components.training.step import DivergedError, TooLargeError

SAVE_AFTER = 5.0
"""Seconds of a trial that a kill may cost: a file after each epoch from the cache would cost as
much as the epoch."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a trial ended with."""

    history: tuple[Epoch, ...]
    audit: tuple[dict[str, Any], ...]
    cost: int
    cached: bool
    why: str
    failure: str | None = None
    """Why it did not reach its end."""

    def record(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {
            "history": [asdict(epoch) for epoch in self.history],
            "audit": list(self.audit),
            "cost": self.cost,
            "cached": self.cached,
            "why": self.why,
        }


class Runner:
    """Runs trials of one search."""

    def __init__(self, plan: Plan, reuse: Reuse, device: torch.device) -> None:
        self.plan, self.reuse, self.device = plan, reuse, device

    def run(
        self, number: int, asked: Asked, before: Sequence[Trial], keep: Path, on_epoch: OnEpoch
    ) -> Outcome:
        """Train; a killed trial goes on from the file `keep`.

        Args:
            number: of the trial: its seed comes from it.
            asked: what to train, and for how long.
            before: the trials that are finished: what they put into the cache is paid for.
            keep: holds the state at the end of an epoch, `SAVE_AFTER` behind at most.
            on_epoch: as `fit` calls it.
        """
        seed = derived_seed(self.plan.seed, number, 1)
        model = self.reuse.model(asked.setting, seed)
        inputs = self.reuse.inputs(model, asked.setting, seed, asked.epochs)
        cached = inputs.forward is not None
        epochs: list[Epoch] = []

        def collect(epoch: Epoch, seconds: float, speed: float) -> bool:
            epochs.append(epoch)
            return on_epoch(epoch, seconds, speed)

        audit: tuple[dict[str, Any], ...] = ()
        failure = None
        try:
            done = fit(
                model,
                groups(model),
                inputs.feed,
                self.reuse.images.task,
                self._recipe(asked, seed),
                device=self.device,
                keep=keep,
                keep_best=False,
                on_epoch=collect,
                forward=inputs.forward,
                save_after=SAVE_AFTER,
            )
            audit = tuple(asdict(report) for report in done.audit)
        except (DivergedError, TooLargeError, InertError) as error:
            failure = str(error)
        taken = len(epochs) + (failure is not None)
        cost = self._cost(asked.setting, taken, before, cached=cached)
        return Outcome(
            history=tuple(epochs),
            audit=audit,
            cost=cost,
            cached=cached,
            why=inputs.why,
            failure=failure,
        )

    def _recipe(self, asked: Asked, seed: int) -> Recipe:
        return Recipe(
            setting=asked.setting,
            epochs=asked.epochs,
            patience=asked.epochs,
            seed=seed,
            precision=self.plan.precision,
        )

    def _cost(self, setting: Setting, epochs: int, before: Sequence[Trial], *, cached: bool) -> int:
        """Counted as if the cache had been empty when the search began."""
        space, freeze_depth = self.reuse.space, setting.freeze_depth
        taken = epochs * space.epoch(freeze_depth, cached=cached)
        if not cached:
            return taken
        ahead, cached_before = set(self.reuse.ahead), (t.setting for t in before if t.cached)
        seen = [one for one in cached_before if one.start == setting.start]
        same = {one.freeze_depth for one in seen if one.magnitude == setting.magnitude}
        if not same:
            return taken + space.filling(max(ahead | {freeze_depth}), validation=not seen)
        known = freeze_depth in same | ahead
        return taken + (0 if known else space.filling(freeze_depth, validation=True))
