"""The record of a search: one Optuna study, as a rule in one SQLite file, written trial by trial.

Who decides what is tried is elsewhere, and works on what stands here alone: whatever was written
before a kill is there afterwards, and what is decided from it is the same.
"""

import warnings
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.exceptions import ExperimentalWarning
from optuna.trial import FrozenTrial, TrialState, create_trial

from components.frame import addresses
from components.frame.errors import DataError
from components.study.plan import Plan
from components.study.runner import Outcome
from components.study.trial import Asked, State, Trial
from components.training.history import Epoch
from components.training.recipe import DEFAULTS, Setting

STATES: dict[TrialState, State] = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
}
NAME = "search"
WORSE = 0.1
"""Probability, by Wilcoxon's signed-rank test over folds, below which a trial's being no worse than
the best one is given up: it ends before its other folds."""


class Record:
    """Trials in the order in which they were begun."""

    _storage: optuna.storages.BaseStorage

    def __init__(self, plan: Plan, layers: list[str], fractions: tuple[float, ...]) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.plan, self.layers, self.fractions = plan, layers, fractions
        self._study = self._opened()
        self._id = self._storage.get_study_id_from_name(self._study.study_name)

    def _opened(self) -> optuna.Study:
        raise NotImplementedError

    def _created(self, storage: str | optuna.storages.BaseStorage, name: str) -> optuna.Study:
        """The study, which may be there already."""
        return optuna.create_study(
            storage=storage,
            study_name=name,
            direction="maximize",
            load_if_exists=True,
            pruner=self._pruner(),
        )

    def finished(self) -> list[Trial]:
        """Every finished trial, in order."""
        return [self._trial(trial) for trial in self._all() if trial.state in STATES]

    def begin(self, number: int, asked: Asked) -> optuna.Trial:
        """Enter a trial, or find it entered before a kill.

        Raises:
            DataError: another one is entered in its place.
        """
        if number < self._storage.get_n_trials(self._id):
            key = self._storage.get_trial_id_from_study_id_trial_number(self._id, number)
            self.require(number, asked, self._storage.get_trial_user_attrs(key)["asked"])
        else:
            key = self._storage.create_new_trial(self._id, template_trial=self._entry(asked))
        return optuna.Trial(self._study, key)  # ask() would draw anew

    def require(self, number: int, asked: Asked, entered: dict[str, Any]) -> None:
        """See that what is asked for is what stands here.

        Raises:
            DataError: it is not.
        """
        if entered != asdict(asked):
            raise DataError(
                f"the study's trial {number} must be {asked}, but is {entered}. "
                "The study belongs to other code: remove .thawline/work/search and search anew."
            )

    @property
    def prunes(self) -> bool:
        """Whether trials end by the scores of others; what nobody prunes by is not entered.

        A line in the study costs as much as an epoch from the cache.
        """
        return not isinstance(self._study.pruner, optuna.pruners.NopPruner)

    def told_epochs(self, number: int) -> set[int]:
        """The epochs of a trial, or its folds, that are reported already."""
        return set(self._all()[number].intermediate_values) if self.prunes else set()

    def report(self, trial: optuna.Trial, score: float, part: int) -> None:
        """Enter the score of an epoch, or a fold, where trials are pruned."""
        if self.prunes:
            trial.report(score, part)

    def should_prune(self, trial: optuna.Trial) -> bool:
        """Whether a trial is to end early."""
        return self.prunes and bool(trial.should_prune())

    def beating(self, _trial: optuna.Trial) -> AbstractContextManager[None]:
        """What goes on while a trial runs."""
        return nullcontext()

    def end(self, trial: optuna.Trial, asked: Asked, outcome: Outcome) -> Trial:
        """Enter how a trial ended."""
        key, record, state = trial._trial_id, outcome.record(), _state(asked, outcome)  # noqa: SLF001  # it has no public name
        complete = state is TrialState.COMPLETE
        values = [outcome.history[-1].validation_score] if complete else None
        self._storage.set_trial_user_attr(key, "record", record)
        self._storage.set_trial_state_values(key, state, values)
        return self._made(trial.number, state, asdict(asked), record)

    def _all(self) -> list[FrozenTrial]:
        trials: list[FrozenTrial] = self._study.get_trials(deepcopy=False)
        return trials

    def _pruner(self) -> optuna.pruners.BasePruner:
        if self.plan.strategy == "tpe" and not self.plan.prune_after:
            return optuna.pruners.NopPruner()
        if self.plan.folds not in (1, "auto"):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ExperimentalWarning)  # the version is pinned
                return optuna.pruners.WilcoxonPruner(p_threshold=WORSE)
        if self.plan.strategy != "tpe":
            return optuna.pruners.NopPruner()
        return optuna.pruners.MedianPruner(n_startup_trials=self.plan.prune_after)

    def _entry(self, asked: Asked) -> FrozenTrial:
        distributions = self.distributions(self.plan)
        return create_trial(
            state=TrialState.RUNNING,
            params={name: getattr(asked.setting, name) for name in distributions},
            distributions=distributions,
            user_attrs={"asked": asdict(asked)},
        )

    @staticmethod
    def distributions(plan: Plan) -> dict[str, BaseDistribution]:
        """What Optuna knows of the settings: what is searched, since each value costs a write."""
        choices = {
            name: tuple(dict.fromkeys([*several, DEFAULTS[name], *_own(plan, name)]))
            for name, several in plan.choices.items()
            if len(several) > 1
        }
        return {
            "freeze_depth": IntDistribution(*plan.freeze_depths),
            "learning_rate": FloatDistribution(*plan.rates, log=True),
            **{name: CategoricalDistribution(values) for name, values in choices.items()},
        }

    def _trial(self, kept: FrozenTrial) -> Trial:
        asked, record = kept.user_attrs["asked"], kept.user_attrs["record"]
        return self._made(kept.number, kept.state, asked, record)

    def _made(
        self, number: int, state: TrialState, asked: dict[str, Any], record: dict[str, Any]
    ) -> Trial:
        setting = Setting(**asked["setting"])
        return Trial(
            number=number,
            state=STATES[state],
            origin=asked["origin"],
            stage=asked["stage"],
            layer=self.layers[setting.freeze_depth],
            trained_fraction=self.fractions[setting.freeze_depth],
            setting=setting,
            history=tuple(Epoch(**epoch) for epoch in record["history"]),
            cost=record["cost"],
            cached=record["cached"],
            why=record["why"],
            audit=tuple(record["audit"]),
        )


class OwnRecord(Record):
    """That of a search which has it to itself, in a file; at most one trial is under way."""

    def __init__(
        self, folder: Path, plan: Plan, layers: list[str], fractions: tuple[float, ...]
    ) -> None:
        self._folder = folder
        super().__init__(plan, layers, fractions)

    def _opened(self) -> optuna.Study:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._storage = optuna.storages.get_storage(addresses.sqlite(self._folder / "study.db"))
        return self._created(self._storage, NAME)


def _own(plan: Plan, name: str) -> list[Any]:
    """What baseline settings have of their own."""
    return [getattr(setting, name) for setting in plan.enqueued]


def _state(asked: Asked, outcome: Outcome) -> TrialState:
    if outcome.failure is not None:
        return TrialState.FAIL
    early = outcome.early or len(outcome.history) < asked.epochs or asked.stage == "probe"
    return TrialState.PRUNED if early else TrialState.COMPLETE
