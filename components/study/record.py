"""The record of a search: one Optuna study in one SQLite file, written trial by trial.

Who decides what is tried is elsewhere, and works on what stands here alone: whatever was written
before a kill is there afterwards, and what is decided from it is the same.
"""

import warnings
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
    """Trials in the order in which they were begun; at most one is under way."""

    def __init__(
        self,
        folder: Path,
        plan: Plan,
        layers: list[str],
        fractions: tuple[float, ...],
        folds: int = 1,
    ) -> None:
        """`folds`: over how many a trial is scored, one after the other."""
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.folds = folds
        self.plan, self.layers, self.fractions = plan, layers, fractions
        folder.mkdir(parents=True, exist_ok=True)
        self._study = optuna.create_study(
            storage=addresses.sqlite(folder / "study.db"),
            study_name=NAME,
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
        self, number: int, asked: Asked, params: dict[str, Any], attributes: dict[str, Any]
    ) -> None:
        """See that what is asked for is what stands here.

        Raises:
            DataError: it is not.
        """
        if (params, attributes) != (asdict(asked.setting), _attributes(asked)):
            raise DataError(
                f"the study's trial {number} must be {asked}, but is {params}, {attributes}. "
                "The study belongs to other code: remove .thawline/work/search and search anew."
            )

    def told(self, number: int) -> set[int]:
        """The epochs of a trial, or its folds, that are reported already."""
        return set(self._all()[number].intermediate_values)

    def end(self, trial: optuna.Trial, asked: Asked, outcome: Outcome) -> Trial:
        """Enter how a trial ended."""
        trial.set_user_attr("record", outcome.record())
        value = outcome.history[-1].validation_score if outcome.history else None
        if outcome.failure is not None:
            self._study.tell(trial, None, TrialState.FAIL)
        elif outcome.early or len(outcome.history) < asked.epochs or asked.stage == "probe":
            self._study.tell(trial, None, TrialState.PRUNED)
        else:
            self._study.tell(trial, value, TrialState.COMPLETE)
        return self._trial(self._all()[trial.number])

    def _all(self) -> list[FrozenTrial]:
        trials: list[FrozenTrial] = self._study.get_trials(deepcopy=False)
        return trials

    def _pruner(self) -> optuna.pruners.BasePruner:
        if self.plan.strategy == "tpe" and not self.plan.prune_after:
            return optuna.pruners.NopPruner()
        if self.folds > 1:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ExperimentalWarning)  # the version is pinned
                return optuna.pruners.WilcoxonPruner(p_threshold=WORSE)
        if self.plan.strategy != "tpe":
            return optuna.pruners.NopPruner()
        return optuna.pruners.MedianPruner(n_startup_trials=self.plan.prune_after)

    def _entry(self, asked: Asked) -> FrozenTrial:
        return create_trial(
            state=TrialState.RUNNING,
            params=asdict(asked.setting),
            distributions=self.distributions(self.plan),
            user_attrs={"asked": _attributes(asked)},
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


def _attributes(asked: Asked) -> dict[str, Any]:
    attributes = asdict(asked)
    del attributes["setting"]
    return attributes
