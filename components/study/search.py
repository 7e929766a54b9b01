"""A search from its first trial to the setting it chooses; killed at any moment, it goes on."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from components.data.images.pictures import Images
from components.frame import events
from components.frame.durations import duration
from components.frame.errors import DataError
from components.frame.events import Events
from components.study.eta import Eta
from components.study.importance import importances
from components.study.plan import Plan
from components.study.record import Ledger
from components.study.runner import Runner
from components.study.strategies.candidates import budget as staged_budget
from components.study.strategies.candidates import kept_freeze_depths
from components.study.strategies.staged import staged
from components.study.strategies.strategy import Notes, Session, session
from components.study.strategies.tpe import budget as tpe_budget
from components.study.strategies.tpe import tpe
from components.study.trial import Asked, Trial
from components.study.trial_inputs import Reuse
from components.training.history import Epoch, OnEpoch
from components.training.pretrained import Pretrained
from components.training.recipe import Setting
from components.training.report import EpochReport

STRATEGIES = {"staged": (staged, staged_budget), "tpe": (tpe, tpe_budget)}


@dataclass(frozen=True)
class Found:
    """What a search ended with."""

    trials: tuple[Trial, ...]
    chosen: Setting
    decisions: tuple[tuple[int, str], ...]
    """The number of trials finished then, and the sentence."""
    whole_cost: int
    """Multiply-accumulates of a full trial that trains every layer."""
    importances: Mapping[str, float]
    """Fractions of the full trials' variance that settings explain; empty: nothing can be said."""

    @property
    def confirmations(self) -> tuple[Trial, ...]:
        """The chosen setting's confirmation runs."""
        return tuple(
            trial
            for trial in self.trials
            if trial.stage == "confirmation"
            and trial.state == "complete"
            and trial.setting == self.chosen
        )

    @property
    def validation_accuracy(self) -> float:
        """The mean over the confirmation runs: not the best of many draws."""
        return sum(trial.validation_accuracy for trial in self.confirmations) / len(
            self.confirmations
        )


class Search:
    """A search that can be killed and goes on."""

    def __init__(
        self,
        plan: Plan,
        images: Images,
        pretrained: Pretrained,
        folder: Path,
        cache: Path,
        log: Events,
        device: torch.device,
    ) -> None:
        self.plan, self.pretrained, self.folder, self.log = plan, pretrained, folder, log
        self.began = time.monotonic()
        self.reuse = Reuse(pretrained, images, plan, cache, device)
        self.reuse.ahead = self._ahead()
        self.runner = Runner(plan, self.reuse, device)
        self.ledger = Ledger(folder, plan, pretrained.layers, pretrained.fractions)
        self._explore, budget = STRATEGIES[plan.strategy]
        self.eta = Eta(self.reuse, budget(self.reuse.space))

    def run(self) -> Found:
        """Try settings until the strategy ends, and choose.

        Raises:
            DataError: no trial reached its end.
        """
        finished = self.ledger.finished()
        self._tell_missing_events(finished)
        before = _seconds(self.log)
        notes = Notes(lambda sentence: print(f"  {sentence}", flush=True))
        strategy = self._explore(self.reuse.space, notes)

        def over(number: int) -> bool:
            if number < len(finished):
                return finished[number].stage == "confirmation"
            limit = self.plan.max_minutes
            return limit is not None and before + time.monotonic() - self.began > limit * 60

        asking = session(self.reuse.space, strategy, notes, over)
        chosen = self._drive(asking, finished)
        if chosen is None:
            raise DataError(
                "no trial of the search reached its end; see the reasons above. Lower "
                "search.learning_rate.high, or look at the images."
            )
        trials, space = tuple(self.ledger.finished()), self.reuse.space
        explained = importances(space, trials)
        return Found(trials, chosen, tuple(notes.sentences), space.whole, explained)

    def _drive(self, asking: Session, finished: Sequence[Trial]) -> Setting | None:
        done: list[Trial] = []
        try:
            asked = next(asking)
            while True:
                number = len(done)
                trial = finished[number] if number < len(finished) else self._try(asked, done)
                done.append(trial)
                asked = asking.send(trial)
        except StopIteration as ended:
            chosen: Setting | None = ended.value
            return chosen

    def _ahead(self) -> tuple[int, ...]:
        """Freeze depths to keep in the first pass: the highest ones and where the probe looks."""
        if self.plan.strategy == "tpe":
            return ()
        space = self.reuse.space
        return tuple(
            sorted(
                freeze_depth
                for freeze_depth in kept_freeze_depths(space)
                if space.cacheable(freeze_depth)
            )
        )

    def _try(self, asked: Asked, before: Sequence[Trial]) -> Trial:
        started, number = time.monotonic(), len(before)
        entered = self.ledger.begin(number, asked)
        self._announce(number, asked, before)
        keep = self.folder / "trials" / f"{number:04}.safetensors"
        told = self.ledger.told_epochs(number)
        report: OnEpoch = EpochReport(
            self.log, f"trial-{number:04}", trial=number, epochs=asked.epochs
        )

        def on_epoch(epoch: Epoch, seconds: float, speed: float) -> bool:
            report(epoch, seconds, speed)
            if epoch.epoch not in told:
                entered.report(epoch.validation_accuracy, epoch.epoch)
            if asked.falls_short(epoch.epoch, epoch.validation_accuracy):
                return True
            return asked.stage == "full" and epoch.epoch < asked.epochs and entered.should_prune()

        outcome = self.runner.run(number, asked, before, keep, on_epoch)
        trial = self.ledger.end(entered, asked, outcome)
        keep.unlink(missing_ok=True)
        seconds = time.monotonic() - started
        self._tell_event(trial, seconds)
        print(f"  {_ended(trial, outcome.failure)}, {duration(seconds)}", flush=True)
        return trial

    def _announce(self, number: int, asked: Asked, before: Sequence[Trial]) -> None:
        freeze_depth = asked.setting.freeze_depth
        kind = {"full": "trial", "probe": "probe", "confirmation": "confirmation run"}[asked.stage]
        left = duration(self.eta.left(before, _seconds(self.log)))
        print(
            f"{kind} {number + 1}: trained from {self.pretrained.layers[freeze_depth]} on "
            f"({self.pretrained.fractions[freeze_depth]:.0%} of the parameters), learning rate "
            f"{asked.setting.learning_rate:.2g}, {asked.epochs} epochs; about {left} left",
            flush=True,
        )

    def _tell_event(self, trial: Trial, seconds: float) -> None:
        accuracy = trial.validation_accuracy if trial.history else None
        self.log.emit(
            "trial",
            number=trial.number,
            state=trial.state,
            value=accuracy,
            freeze_depth=trial.freeze_depth,
            layer=trial.layer,
            trained_fraction=trial.trained_fraction,
            learning_rate=trial.learning_rate,
            stage=trial.stage,
            cached=trial.cached,
            seconds=seconds,
        )

    def _tell_missing_events(self, finished: Sequence[Trial]) -> None:
        """A kill between a trial's end and its event leaves the event to be told now."""
        seen = {e["number"] for e in events.read(self.log.path) if e["kind"] == "trial"}
        for trial in finished:
            if trial.number not in seen:
                self._tell_event(trial, 0.0)


def _ended(trial: Trial, failure: str | None) -> str:
    """How a trial ended, for a person."""
    if failure:
        return f"failed: {failure}"
    came = f"from the images ({trial.why})" if trial.why else "from the cache"
    early = "ended early, " if trial.kind == "pruned" else ""
    return f"{early}{trial.validation_accuracy:.1%} on validation images, {came}"


def _seconds(log: Events) -> float:
    """What the trials took until now, over all runs."""
    told = (event for event in events.read(log.path) if event["kind"] == "trial")
    return float(sum(event["seconds"] for event in told))
