"""The record of a search: one Optuna study, as a rule in one SQLite file, written trial by trial.

Who decides what is tried is elsewhere, and works on what stands here alone: whatever was written
before a kill is there afterwards, and what is decided from it is the same.
"""

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


class Record:
    """Trials in the order in which they were begun."""

    def __init__(self, plan: Plan, layers: list[str], fractions: tuple[float, ...]) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.plan, self.layers, self.fractions = plan, layers, fractions
        self._study = self._opened()

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
        if number == len(self._all()):
            self._study.add_trial(self._entry(asked))
        entered = self._all()[number]
        self.require(entered.number, asked, entered.params, entered.user_attrs["asked"])
        return optuna.Trial(self._study, entered._trial_id)  # noqa: SLF001  # ask() would draw anew

    def require(
        self, number: int, asked: Asked, params: dict[str, Any], others: dict[str, Any]
    ) -> None:
        """See that what is asked for is what stands here.

        Raises:
            DataError: it is not.
        """
        if (params, others) != (asdict(asked.setting), attributes(asked)):
            raise DataError(
                f"the study's trial {number} must be {asked}, but is {params}, {others}. "
                "The study belongs to other code: remove .thawline/work/search and search anew."
            )

    def told_epochs(self, number: int) -> set[int]:
        """The epochs of a trial that are reported already."""
        return set(self._all()[number].intermediate_values)

    def report(self, trial: optuna.Trial, score: float, epoch: int) -> None:
        """Enter an epoch's score."""
        trial.report(score, epoch)

    def should_prune(self, trial: optuna.Trial) -> bool:
        """Whether a trial is to end early."""
        return bool(trial.should_prune())

    def beating(self, _trial: optuna.Trial) -> AbstractContextManager[None]:
        """What goes on while a trial runs."""
        return nullcontext()

    def end(self, trial: optuna.Trial, asked: Asked, outcome: Outcome) -> Trial:
        """Enter how a trial ended."""
        trial.set_user_attr("record", outcome.record())
        value = outcome.history[-1].validation_score if outcome.history else None
        if outcome.failure is not None:
            self._study.tell(trial, None, TrialState.FAIL)
        elif len(outcome.history) < asked.epochs or asked.stage == "probe":
            self._study.tell(trial, None, TrialState.PRUNED)
        else:
            self._study.tell(trial, value, TrialState.COMPLETE)
        return self._trial(self._all()[trial.number])

    def _all(self) -> list[FrozenTrial]:
        trials: list[FrozenTrial] = self._study.get_trials(deepcopy=False)
        return trials

    def _pruner(self) -> optuna.pruners.BasePruner:
        if self.plan.strategy != "tpe" or not self.plan.prune_after:
            return optuna.pruners.NopPruner()
        return optuna.pruners.MedianPruner(n_startup_trials=self.plan.prune_after)

    def _entry(self, asked: Asked) -> FrozenTrial:
        return create_trial(
            state=TrialState.RUNNING,
            params=asdict(asked.setting),
            distributions=self.distributions(self.plan),
            user_attrs={"asked": attributes(asked)},
        )

    @staticmethod
    def distributions(plan: Plan) -> dict[str, BaseDistribution]:
        """What Optuna knows of the settings."""
        choices = {
            name: tuple(dict.fromkeys([*several, DEFAULTS[name]]))
            for name, several in plan.choices.items()
        }
        return {
            "freeze_depth": IntDistribution(*plan.freeze_depths),
            "learning_rate": FloatDistribution(*plan.rates, log=True),
            **{name: CategoricalDistribution(values) for name, values in choices.items()},
            **({"backbone_rate": FloatDistribution(0.0, 1.0)} if plan.body else {}),
        }

    def _trial(self, kept: FrozenTrial) -> Trial:
        setting, record = Setting(**kept.params), kept.user_attrs["record"]
        asked = kept.user_attrs["asked"]
        return Trial(
            number=kept.number,
            state=STATES[kept.state],
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
        return self._created(addresses.sqlite(self._folder / "study.db"), NAME)


def attributes(asked: Asked) -> dict[str, Any]:
    """What is asked for besides a setting."""
    asked_for = asdict(asked)
    del asked_for["setting"]
    return asked_for
