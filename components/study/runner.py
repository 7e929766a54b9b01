"""Runs one trial: a setting for so many epochs, over each fold, from the cache where that pays."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import torch

from components.frame import files
from components.frame.errors import InertError
from components.frame.seeds import derived_seed
from components.model.groups import groups
from components.study import folds
from components.study.plan import Plan
from components.study.trial import Asked, Trial
from components.study.trial_inputs import Reuse
from components.training.feed import Fold
from components.training.fit import fit
from components.training.history import Epoch, OnEpoch
from components.training.recipe import Recipe, Setting
from components.training.step import DivergedError, TooLargeError

OnFold = Callable[[int, float, float], bool]
"""Called after each fold with its number, from 1, its score, and that of all so far; True ends the
trial. A trial that goes on after a kill calls it again for the folds that it already had."""
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
    early: bool = False
    """Whether folds were left out."""

    def record(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {
            "history": [asdict(epoch) for epoch in self.history],
            "audit": list(self.audit),
            "cost": self.cost,
            "cached": self.cached,
            "why": self.why,
        }


@dataclass(frozen=True, kw_only=True)
class _Fitted:
    """What one fit ended with."""

    history: tuple[Epoch, ...]
    speed: tuple[tuple[float, float], ...]
    """Seconds and images a second of each epoch."""
    audit: tuple[dict[str, Any], ...]
    cached: bool
    why: str
    failure: str | None

    @property
    def score(self) -> float:
        """Of its last epoch."""
        return self.history[-1].validation_score

    @property
    def taken(self) -> int:
        """Epochs, the one that failed among them."""
        return len(self.history) + (self.failure is not None)


class Runner:
    """Runs trials of one search."""

    def __init__(self, plan: Plan, reuse: Reuse, device: torch.device) -> None:
        self.plan, self.reuse, self.device = plan, reuse, device

    def run(
        self,
        number: int,
        asked: Asked,
        before: Sequence[Trial],
        keep: Path,
        on_epoch: OnEpoch,
        on_fold: OnFold = lambda *_: False,
    ) -> Outcome:
        """Train; a killed trial goes on from the file `keep`, and those beside it.

        Args:
            number: of the trial: its seed comes from it.
            asked: what to train, and for how long.
            before: the trials that are finished: what they put into the cache is paid for.
            keep: holds the state at the end of an epoch, `SAVE_AFTER` behind at most.
            on_epoch: as `fit` calls it; where there are folds, with the means over them at the end.
            on_fold: where there are folds.
        """
        if self.reuse.folds:
            return self._folded(number, asked, before, keep, on_epoch, on_fold)
        fitted = self._fit(asked, derived_seed(self.plan.seed, number, 1), keep, on_epoch)
        return Outcome(
            history=fitted.history,
            audit=fitted.audit,
            cost=self._cost(asked.setting, fitted.taken, before, cached=fitted.cached),
            cached=fitted.cached,
            why=fitted.why,
            failure=fitted.failure,
        )

    def _folded(
        self,
        number: int,
        asked: Asked,
        before: Sequence[Trial],
        keep: Path,
        on_epoch: OnEpoch,
        on_fold: OnFold,
    ) -> Outcome:
        """A fit for each fold, one after the other; a confirmation run has folds of its own."""
        parts, done = self._folds(number, asked), _finished(keep)
        over = False
        for place, fold in enumerate(parts):
            if over:
                break
            if place == len(done):
                seed = derived_seed(self.plan.seed, number, 1, place)
                own = keep.with_stem(f"{keep.stem}-{place}")
                done.append(self._fit(asked, seed, own, lambda *_: False, fold))
                files.write_json(_folds_file(keep), [asdict(one) for one in done])
                own.unlink(missing_ok=True)
            over = done[place].failure is not None or on_fold(
                place + 1,
                done[place].score,
                _history(parts, done[: place + 1])[-1].validation_score,
            )
        return self._joined(asked, parts, done, before, on_epoch)

    def _folds(self, number: int, asked: Asked) -> tuple[Fold, ...]:
        """Those of the search, so that trials can be compared; nothing was chosen by others."""
        if asked.stage != "confirmation":
            return self.reuse.folds
        return self.reuse.partition(len(self.reuse.folds), again=1 + number)

    def _joined(
        self,
        asked: Asked,
        parts: Sequence[Fold],
        done: Sequence[_Fitted],
        before: Sequence[Trial],
        on_epoch: OnEpoch,
    ) -> Outcome:
        """What the fits of a trial come to; its epochs, means over folds, are told."""
        last = done[-1]
        taken = sum(one.taken for one in done)
        history = () if last.failure else _history(parts, done)
        speeds = zip(*(one.speed for one in done), strict=True) if history else ()
        for epoch, speed in zip(history, speeds, strict=True):
            on_epoch(epoch, sum(s for s, _ in speed), fmean(images for _, images in speed))
        return Outcome(
            history=history,
            audit=last.audit,
            cost=self._cost(asked.setting, taken, before, cached=last.cached),
            cached=last.cached,
            why=last.why,
            failure=last.failure,
            early=len(done) < len(parts),
        )

    def _fit(
        self, asked: Asked, seed: int, keep: Path, on_epoch: OnEpoch, fold: Fold | None = None
    ) -> _Fitted:
        model = self.reuse.model(asked.setting, seed, fold)
        inputs = self.reuse.inputs(model, asked.setting, seed, asked.epochs, fold)
        epochs: list[Epoch] = []
        speeds: list[tuple[float, float]] = []

        def collect(epoch: Epoch, seconds: float, speed: float) -> bool:
            epochs.append(epoch)
            speeds.append((seconds, speed))
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
        return _Fitted(
            history=tuple(epochs),
            speed=tuple(speeds),
            audit=audit,
            cached=inputs.forward is not None,
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
        """Counted as if the cache had been empty when the search began; epochs of single fits."""
        space, freeze_depth = self.reuse.space, setting.freeze_depth
        taken = epochs * space.epoch(freeze_depth, cached=cached) // space.folds
        if not cached:
            return taken
        ahead, cached_before = set(self.reuse.ahead), (t.setting for t in before if t.cached)
        seen = [one for one in cached_before if one.start == setting.start]
        same = {one.freeze_depth for one in seen if one.magnitude == setting.magnitude}
        if not same:
            return taken + space.filling(max(ahead | {freeze_depth}), validation=not seen)
        known = freeze_depth in same | ahead
        return taken + (0 if known else space.filling(freeze_depth, validation=True))


def _history(parts: Sequence[Fold], done: Sequence[_Fitted]) -> tuple[Epoch, ...]:
    """The means over the folds that are done."""
    judged = [len(fold.val) for fold in parts[: len(done)]]
    return folds.mean([one.history for one in done], judged)


def forget(keep: Path) -> None:
    """Remove what a trial kept to go on from."""
    keep.unlink(missing_ok=True)
    _folds_file(keep).unlink(missing_ok=True)


def _folds_file(keep: Path) -> Path:
    return keep.with_suffix(".json")


def _finished(keep: Path) -> list[_Fitted]:
    """The fits of the folds that were finished before a kill."""
    path = _folds_file(keep)
    found = files.read_json(path) if path.exists() else []
    return [
        _Fitted(
            **one
            | {
                "history": tuple(Epoch(**epoch) for epoch in one["history"]),
                "speed": tuple((seconds, images) for seconds, images in one["speed"]),
                "audit": tuple(one["audit"]),
            }
        )
        for one in found
    ]
