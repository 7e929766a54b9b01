"""The record of a search: one Optuna study in one SQLite file, written trial by trial.

Who decides what is tried is elsewhere, and works on what stands here alone: whatever was written
before a kill is there afterwards, and what is decided from it is the same.
"""

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
    """Trials in the order in which they were begun; at most one is under way."""

    def __init__(
        self, folder: Path, plan: Plan, layers: list[str], fractions: tuple[float, ...]
    ) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.plan, self.layers, self.fractions = plan, layers, fractions
        folder.mkdir(parents=True, exist_ok=True)
        self._storage = optuna.storages.get_storage(addresses.sqlite(folder / "study.db"))
        self._study = optuna.create_study(
            storage=self._storage,
            study_name=NAME,
            direction="maximize",
            load_if_exists=True,
            pruner=self._pruner(),
        )
        self._id = self._storage.get_study_id_from_name(NAME)

    def finished(self) -> list[Trial]:
        """Every finished trial, in order."""
        return [
            self._trial(one.number, one.state, one.user_attrs["asked"], one.user_attrs["record"])
            for one in self._all()
            if one.state in STATES
        ]

    def begin(self, number: int, asked: Asked) -> int:
        """Enter a trial, or find it entered before a kill; the storage's key of it.

        Raises:
            DataError: another one is entered in its place.
        """
        if number < self._storage.get_n_trials(self._id):
            key: int = self._storage.get_trial_id_from_study_id_trial_number(self._id, number)
            self.require(number, asked, self._storage.get_trial_user_attrs(key)["asked"])
        else:
            key = self._storage.create_new_trial(self._id, template_trial=self._entry(asked))
        return key

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

    def prunes(self, key: int, epoch: int, score: float) -> bool:
        """Whether the others say at an epoch that a trial is to end.

        What nobody prunes by is not written: each line costs as much as an epoch from the cache.
        """
        if isinstance(self._study.pruner, optuna.pruners.NopPruner):
            return False
        if epoch not in self._storage.get_trial(key).intermediate_values:
            self._storage.set_trial_intermediate_value(key, epoch, score)
        return bool(optuna.Trial(self._study, key).should_prune())

    def end(self, number: int, key: int, asked: Asked, outcome: Outcome) -> Trial:
        """Enter how a trial ended."""
        state, record = _state(asked, outcome), outcome.record()
        complete = state is TrialState.COMPLETE
        values = [outcome.history[-1].validation_score] if complete else None
        self._storage.set_trial_user_attr(key, "record", record)
        self._storage.set_trial_state_values(key, state, values)
        return self._trial(number, state, asdict(asked), record)

    def _all(self) -> list[FrozenTrial]:
        trials: list[FrozenTrial] = self._study.get_trials(deepcopy=False)
        return trials

    def _pruner(self) -> optuna.pruners.BasePruner:
        if self.plan.strategy != "tpe" or not self.plan.prune_after:
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
            name: tuple(dict.fromkeys([*several, DEFAULTS[name]]))
            for name, several in plan.choices.items()
            if len(several) > 1
        }
        return {
            "freeze_depth": IntDistribution(*plan.freeze_depths),
            "learning_rate": FloatDistribution(*plan.rates, log=True),
            **{name: CategoricalDistribution(values) for name, values in choices.items()},
        }

    def _trial(
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


def _state(asked: Asked, outcome: Outcome) -> TrialState:
    if outcome.failure is not None:
        return TrialState.FAIL
    early = len(outcome.history) < asked.epochs or asked.stage == "probe"
    return TrialState.PRUNED if early else TrialState.COMPLETE
