"""How much of the differences between trials each setting explains."""

from collections.abc import Sequence

import optuna
from optuna.importance import FanovaImportanceEvaluator, get_param_importances

from components.study.space import Space
from components.study.strategies.tpe import as_optuna
from components.study.trial import Trial

FEWEST = 4
"""Full trials below which nothing can be said."""


def importances(space: Space, trials: Sequence[Trial]) -> dict[str, float]:
    """Fractions of the variance of full trials' scores by functional ANOVA, the largest first.

    Hutter, Hoos and Leyton-Brown, ICML 2014; Optuna's own, with a fixed seed. Empty where there are
    too few trials, or all of them reached the same.
    """
    full = [trial for trial in trials if trial.scored]
    if len(full) < FEWEST or len({trial.score for trial in full}) == 1:
        return {}
    study = optuna.create_study(direction="maximize")
    study.add_trials([as_optuna(space, trial) for trial in full])
    by_name = get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=0))
    return {name: round(importance, 4) for name, importance in by_name.items()}
