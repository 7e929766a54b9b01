"""A search from its first trial to the setting it chooses; killed at any moment, it goes on."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import torch

from components.features.cache import DISK_TOO_FULL
from components.frame import events
from components.frame.errors import DataError
from components.frame.events import Events
from components.study.eta import Eta
from components.study.folds import planned
from components.study.importance import importances
from components.study.plan import Plan
from components.study.record import OwnRecord, Record
from components.study.runner import Runner, forget
from components.study.space import Space
from components.study.strategies import baseline, candidates, staged, tpe
from components.study.strategies.strategy import Notes, Session, session
from components.study.trial import Asked, Trial
from components.study.trial_inputs import Reuse
from components.tasks.task import Task
from components.training.history import Epoch
from components.training.images import Images
from components.training.pretrained import Pretrained
from components.training.progress import EpochReport, progress
from components.training.recipe import Setting

STRATEGIES = {
    "staged": (staged.staged, candidates.budget),
    "tpe": (tpe.tpe, tpe.budget),
    "baseline": (baseline.baseline, baseline.budget),
}
"""What each does, and what it may spend."""


@dataclass(frozen=True, kw_only=True)
class SearchResult:
    """What a search ended with."""

    trials: tuple[Trial, ...]
    chosen: Setting
    decisions: tuple[tuple[int, str], ...]
    """The number of trials finished then, and the sentence."""
    space: Space
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
    def score(self) -> float:
        """The mean validation score of the confirmation runs: not the best of many draws.

        Over folds it is that of the last run alone, by which nothing was chosen.
        """
        if self.space.folds > 1:
            return self.confirmations[-1].score
        return fmean(trial.score for trial in self.confirmations)


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
        record: Record | None = None,
    ) -> None:
        """`record` is the search's own, in `folder`, unless another is given."""
        plan = planned(plan, images)
        self.plan, self.pretrained, self.folder, self.log = plan, pretrained, folder, log
        self.began = time.monotonic()
        self.reuse = Reuse(pretrained, images, plan, cache, device)
        self.reuse.ahead = self._ahead()
        self.runner = Runner(plan, self.reuse, device)
        layers, fractions = pretrained.layers, pretrained.fractions
        self.record = record or OwnRecord(folder, plan, layers, fractions)
        self._explore, budget = STRATEGIES[plan.strategy]
        self.eta = Eta(self.reuse, budget(self.reuse.space))
        self._kept: list[Trial] = []
        self._before = 0.0

    def run(self) -> SearchResult:
        """Try settings until the strategy ends, and choose.

        Raises:
            DataError: no trial reached its end.
        """
        self._kept = finished = self.record.finished()
        self._tell_missing_events(finished)
        self._before = _seconds(self.log)
        if finished:
            self.log.say(f"goes on after {len(finished)} trials")
        notes = Notes(self.log.say, self.reuse.images.task.shown)
        if sentence := self._folds():
            notes.say(sentence)
        chosen = self._drive(self._asking(notes))
        if chosen is None:
            raise DataError(
                "no trial of the search reached its end; see the reasons above. Lower "
                "search.learning_rate.high, or look at the images."
            )
        trials, space = self._ended(), self.reuse.space
        if sentence := _refused(trials):
            notes.say(sentence)
        explained = importances(space, trials)
        return SearchResult(
            trials=trials,
            chosen=chosen,
            decisions=tuple(notes.sentences),
            space=space,
            importances=explained,
        )

    def _folds(self) -> str:
        """What a search over folds must say; empty: it is none."""
        space, judged = self.reuse.space, len(self.reuse.images.val)
        if space.folds == 1:
            return ""
        return (
            f"{judged:,} validation images are few: each trial is scored over {space.folds} folds "
            f"of all {space.pool:,} images but the test's."
        )

    def _asking(self, notes: Notes) -> Session:
        """What the search asks for, from its start."""
        limit = self.plan.max_minutes
        explored = sum(trial.stage != "confirmation" for trial in self._kept)

        def over(number: int) -> bool:
            if limit is None or number < explored:
                return False
            spent = self._before + time.monotonic() - self.began
            return explored < len(self._kept) or spent > limit * 60

        space = self.reuse.space
        return session(space, self._explore(space, notes), notes, over)

    def _drive(self, asking: Session) -> Setting | None:
        done: list[Trial] = []
        try:
            asked = next(asking)
            while True:
                done.append(self._obtained(asked, done))
                asked = asking.send(done[-1])
        except StopIteration as ended:
            chosen: Setting | None = ended.value
            return chosen

    def _obtained(self, asked: Asked, done: Sequence[Trial]) -> Trial:
        """The next trial: one that was finished before, or a new one."""
        number, kept = len(done), self._kept
        return kept[number] if number < len(kept) else self._try(number, asked, done)

    def _ended(self) -> tuple[Trial, ...]:
        """Every trial."""
        return tuple(self.record.finished())

    def _ahead(self) -> tuple[int, ...]:
        """Freeze depths to keep in the first pass: the highest ones and where the probe looks."""
        if self.plan.strategy != "staged":
            return ()
        space = self.reuse.space
        return tuple(sorted(filter(space.cacheable, candidates.kept_freeze_depths(space))))

    def _try(self, number: int, asked: Asked, before: Sequence[Trial]) -> Trial:
        started = time.monotonic()
        entered = self.record.begin(number, asked)
        self._tell_begin(number, asked, before)
        keep = self.folder / "trials" / f"{number:04}.safetensors"
        told, folds = self.record.told_epochs(number), self.reuse.space.folds
        fit, task = f"trial-{number:04}", self.reuse.images.task
        report = EpochReport(self.log, fit, task, trial=number, epochs=asked.epochs)
        report.tell_resumption()
        folded = progress(self.log, "search", f"trial {number}, folds done")

        def on_fold(fold: int, score: float, so_far: float) -> bool:
            if fold < folds:
                folded(fold, folds)
            if fold not in told and asked.stage == "full":
                self.record.report(entered, score, fold)
            if asked.falls_short(fold, so_far, folds):
                return True
            return asked.stage == "full" and fold < folds and self.record.should_prune(entered)

        def on_epoch(epoch: Epoch, seconds: float, speed: float) -> bool:
            report(epoch, seconds, speed)
            if folds > 1:
                return False
            if epoch.epoch not in told:
                self.record.report(entered, epoch.validation_score, epoch.epoch)
            if asked.falls_short(epoch.epoch, epoch.validation_score):
                return True
            early = asked.stage == "full" and epoch.epoch < asked.epochs
            return early and self.record.should_prune(entered)

        with self.record.beating(entered):
            outcome = self.runner.run(number, asked, before, keep, on_epoch, on_fold)
        trial = self.record.end(entered, asked, outcome)
        forget(keep)
        self._tell_end(trial, time.monotonic() - started, outcome.failure)
        return trial

    def _tell_begin(self, number: int, asked: Asked, before: Sequence[Trial]) -> None:
        freeze_depth = asked.setting.freeze_depth
        self.log.emit(
            "begun",
            number=number,
            stage=asked.stage,
            layer=self.pretrained.layers[freeze_depth],
            trained_fraction=self.pretrained.fractions[freeze_depth],
            learning_rate=asked.setting.learning_rate,
            epochs=asked.epochs,
            seconds_left=self.eta.left(before, _seconds(self.log)),
        )

    def _tell_end(self, trial: Trial, seconds: float, failure: str | None = None) -> None:
        self.log.emit(
            "trial",
            number=trial.number,
            state=trial.state,
            value=trial.score if trial.history else None,
            freeze_depth=trial.freeze_depth,
            layer=trial.layer,
            trained_fraction=trial.trained_fraction,
            learning_rate=trial.learning_rate,
            stage=trial.stage,
            cached=trial.cached,
            seconds=seconds,
            outcome=_outcome(trial, self.reuse.images.task, failure),
        )

    def _tell_missing_events(self, finished: Sequence[Trial]) -> None:
        """A kill between a trial's end and its event leaves the event to be told now."""
        seen = {e["number"] for e in events.read(self.log.path) if e["kind"] == "trial"}
        for trial in finished:
            if trial.number not in seen:
                self._tell_end(trial, 0.0)


def _outcome(trial: Trial, task: Task, failure: str | None) -> str:
    """How a trial ended, for a person."""
    if trial.state == "failed":
        return f"failed: {failure or 'see above'}"
    came = f"from the images ({trial.why})" if trial.why else "from the cache"
    early = "ended early, " if trial.kind == "pruned" else ""
    return f"{early}validation {task.score_name} {task.shown(trial.score)}, {came}"


def _refused(trials: Sequence[Trial]) -> str:
    """What a search must say that another disk would have let end otherwise; empty: nothing."""
    numbers = [str(trial.number) for trial in trials if trial.why == DISK_TOO_FULL]
    if not numbers:
        return ""
    return (
        "Without kept activations, since the disk had no room for them: trials "
        f"{', '.join(numbers)} of {len(trials)}. They count as dearer, so with room the search may "
        "end otherwise. To search anew: make room, rm -r .thawline/work/search, dvc repro --force "
        "--single-item search"
    )


def _seconds(log: Events) -> float:
    """What the trials took until now, over all runs."""
    told = (event for event in events.read(log.path) if event["kind"] == "trial")
    return float(sum(event["seconds"] for event in told))
