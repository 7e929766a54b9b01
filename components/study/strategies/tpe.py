"""Optuna's tree-structured Parzen estimator, as a strategy of its own and to end another one."""

from collections.abc import Sequence

import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from components.frame.seeds import derived_seed
from components.study.space import Space
from components.study.strategies.strategy import FINALISTS, Exploring, Notes, asked, finalists
from components.study.trial import Trial
from components.training.recipe import BELOW_THE_HEAD, Setting

STARTUP = 6
"""Trials drawn at random before the first estimate."""


def tpe(space: Space, notes: Notes) -> Exploring:
    """The enqueued settings, then what the estimator draws; trials may be pruned."""
    plan, trials = space.plan, list[Trial]()
    for setting in space.enqueued[: plan.max_trials]:
        trials.append((yield asked(space, setting, "enqueued")))
    while len(trials) < plan.max_trials:
        drawn = suggest(space, trials, plan.freeze_depths, STARTUP)
        trials.append((yield asked(space, drawn, "sampled")))
    return finalists(space, trials, notes)


def budget(space: Space) -> float:
    """What the strategy spends if no trial is pruned, about, multiply-accumulates."""
    plan = space.plan
    freeze_depths = range(plan.freeze_depths[0], plan.freeze_depths[1] + 1)
    each = sum(map(space.trial, freeze_depths)) / len(freeze_depths)
    return (plan.max_trials + FINALISTS * plan.confirmation_runs) * each


def suggest(
    space: Space, trials: Sequence[Trial], freeze_depths: tuple[int, int], startup: int
) -> Setting:
    """What to try next, drawn from the trials and their number alone."""
    seed = derived_seed(space.plan.seed, len(trials))
    sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=startup)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.add_trials([as_optuna(space, t) for t in trials if t.stage == "full" and t.history])
    drawn = study.ask()
    low, high = space.plan.rates
    freeze_depth = drawn.suggest_int("freeze_depth", *freeze_depths)
    rate = drawn.suggest_float("learning_rate", low, high, log=True)
    others = {
        name: drawn.suggest_categorical(name, choices)
        for name, choices in conditional(space, freeze_depth).items()
    }
    return space.setting(freeze_depth, rate, **others)


def conditional(space: Space, freeze_depth: int) -> dict[str, tuple[float, ...]]:
    """What there is to choose among at a freeze depth, besides the rate."""
    alone = freeze_depth == space.head
    return {
        name: choices
        for name, choices in space.plan.choices.items()
        if len(choices) > 1 and not (alone and name in BELOW_THE_HEAD)
    }


def as_optuna(space: Space, trial: Trial) -> FrozenTrial:
    """A trial as Optuna's estimators take it, with what there was to choose."""
    others = {
        name: choices
        for name, choices in conditional(space, trial.freeze_depth).items()
        if getattr(trial.setting, name) in choices
    }
    states = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED}
    return create_trial(
        state=states.get(trial.state, TrialState.FAIL),
        value=trial.score if trial.state == "complete" else None,
        params={"freeze_depth": trial.freeze_depth, "learning_rate": trial.learning_rate}
        | {name: getattr(trial.setting, name) for name in others},
        distributions={
            "freeze_depth": IntDistribution(*space.plan.freeze_depths),
            "learning_rate": FloatDistribution(*space.plan.rates, log=True),
            **{name: CategoricalDistribution(choices) for name, choices in others.items()},
        },
        intermediate_values={one.epoch: one.validation_score for one in trial.history},
    )
