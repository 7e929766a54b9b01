"""The search as a stage: from its parameters to a plan, and from what it found to files."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from components.frame import files
from components.frame.errors import UsageError
from components.frame.tables import write_csv
from components.frame.work import Work
from components.model.device import DeviceName, choose_device
from components.study.plan import Plan
from components.study.search import Search, SearchResult
from components.tasks.task import Task
from components.training.images import check_batch_size
from components.training.inputs import Inputs
from components.training.pretrained import Pretrained
from components.training.progress import tell_device
from components.training.recipe import CHOICES, HEAD_ALONE, Best, Setting


@dataclass(frozen=True, kw_only=True)
class SearchOutputs:
    """What the search writes."""

    best: Path
    trials: Path
    curves: Path
    decisions: Path
    freeze_depths: Path
    audits: Path
    summary: Path
    importances: Path


def run_search(
    inputs: Inputs,
    outputs: SearchOutputs,
    work: Work,
    *,
    batch_size: int,
    device: DeviceName,
    **asked: Any,  # noqa: ANN401  # the other parameters, as `SearchParams` has checked them
) -> None:
    """Search, choose, and write down what was tried and why; `asked` is for `make_plan`."""
    images, pretrained = inputs.opened("search", work)
    check_batch_size(batch_size, images, "params/search.yaml")
    plan = make_plan(pretrained, batch_size=batch_size, **asked)
    where = choose_device(device)
    tell_device(work.events, where, plan.precision)
    result = Search(plan, images, pretrained, work.folder, work.cache, work.events, where).run()
    best = Best(
        layer=pretrained.layers[result.chosen.freeze_depth],
        batch_size=batch_size,
        setting=result.chosen,
    )
    best.write(outputs.best)
    _write_tables(result, pretrained, images.task, outputs)
    files.write_json(outputs.audits, _audits(result))
    files.write_json(outputs.summary, _summary(result, pretrained, images.task))
    files.write_json(outputs.importances, result.importances)
    print(
        f"chosen: {best.layer} at {best.setting.learning_rate:.2g}, validation "
        f"{images.task.score_name} {images.task.shown(result.score)} in confirmation runs"
    )


def make_plan(
    pretrained: Pretrained,
    *,
    freeze_depth: Mapping[str, Any],
    learning_rate: Mapping[str, float],
    enqueue: Sequence[Mapping[str, Any]],
    cache_gib: float,
    **others: Any,  # noqa: ANN401  # those that `Plan` takes as they are, and `CHOICES`
) -> Plan:
    """The parameters of the search with freeze depths as this network's groups.

    Raises:
        UsageError: it has no such freeze depths, or they leave a setting out.
    """
    low, high = _freeze_depths(pretrained, **freeze_depth)
    choices = {name: tuple(others.pop(name)) for name in CHOICES}
    if low == len(pretrained.layers) - 1:
        _require_head_alone(choices, low)
    baseline = {name: several[0] for name, several in choices.items()}
    enqueued = (
        _settled(
            Setting(
                freeze_depth=_within(pretrained, one["freeze_depth"], low, high),
                learning_rate=one["learning_rate"],
                **baseline,
            ),
            pretrained,
        )
        for one in enqueue
    )
    return Plan(
        freeze_depths=(low, high),
        rates=(learning_rate["low"], learning_rate["high"]),
        choices=choices,
        enqueued=tuple(dict.fromkeys(enqueued)),
        cache_bytes=int(cache_gib * 2**30),
        **others,
    )


def _freeze_depths(pretrained: Pretrained, low: float | str, high: float | str) -> tuple[int, int]:
    lowest, highest = pretrained.freeze_depth(low), pretrained.freeze_depth(high)
    if lowest > highest:
        raise UsageError(
            "params/search.yaml: `freeze_depth.low <= freeze_depth.high` must hold, but got "
            f"{lowest} ({pretrained.layers[lowest]}) and {highest} ({pretrained.layers[highest]})."
        )
    return lowest, highest


def _within(pretrained: Pretrained, asked: float | str, low: int, high: int) -> int:
    """The freeze depth of a baseline setting, which lies in the range that is searched."""
    freeze_depth = pretrained.freeze_depth(asked)
    if not low <= freeze_depth <= high:
        raise UsageError(
            "params/search.yaml: enqueue: a freeze_depth must lie in freeze_depth.low to high, "
            f"{low} ({pretrained.layers[low]}) to {high} ({pretrained.layers[high]}), but is "
            f"{freeze_depth} ({pretrained.layers[freeze_depth]}). Widen the range, or name others "
            "in enqueue."
        )
    return freeze_depth


def _settled(setting: Setting, pretrained: Pretrained) -> Setting:
    """A setting that asks nothing of the layers below the head where none of them trains."""
    alone = setting.freeze_depth == len(pretrained.layers) - 1
    return replace(setting, **HEAD_ALONE) if alone else setting


def _require_head_alone(choices: Mapping[str, tuple[Any, ...]], low: int) -> None:
    """See that nothing is asked of the layers below the head where it alone trains."""
    for name, none in HEAD_ALONE.items():
        if choices[name] != (none,):
            raise UsageError(
                f"params/search.yaml: {name} must have an effect, but {[*choices[name]]} has none "
                f"beside freeze_depth.low={low}, which is the head. Lower that, or take the first "
                f"back: thawline params --reset search.{name}"
            )


def _write_tables(
    result: SearchResult, pretrained: Pretrained, task: Task, outputs: SearchOutputs
) -> None:
    shown = {trial.number: task.shown(trial.score) for trial in result.trials if trial.history}
    rows = [
        {**t.row(), "shown": shown.get(t.number), "chosen": t.setting == result.chosen}
        for t in result.trials
    ]
    write_csv(outputs.trials, pd.DataFrame(rows))
    curves = [{"number": t.number, **asdict(epoch)} for t in result.trials for epoch in t.history]
    write_csv(outputs.curves, pd.DataFrame(curves))
    decided = pd.DataFrame(list(result.decisions), columns=["trials_before", "decision"])
    write_csv(outputs.decisions, decided)
    freeze_depths = range(len(pretrained.layers))
    table = {
        "freeze_depth": freeze_depths,
        "layer": pretrained.layers,
        "trained_fraction": pretrained.fractions,
        "trial_cost": [result.space.uncached_trial(freeze_depth) for freeze_depth in freeze_depths],
    }
    write_csv(outputs.freeze_depths, pd.DataFrame(table))


def _audits(result: SearchResult) -> list[dict[str, Any]]:
    """What was in force in each trial, by group of layers."""
    return [
        {
            "number": trial.number,
            "cached": trial.cached,
            "why": trial.why,
            "cost": trial.cost,
            "groups": list(trial.audit),
        }
        for trial in result.trials
    ]


def _summary(result: SearchResult, pretrained: Pretrained, task: Task) -> dict[str, Any]:
    states = [trial.state for trial in result.trials]
    spent = sum(trial.cost for trial in result.trials)
    return {
        "score_name": task.score_name,
        f"validation_{task.score_name}": result.score,
        "freeze_depth": result.chosen.freeze_depth,
        "trained_fraction": pretrained.fractions[result.chosen.freeze_depth],
        "learning_rate": result.chosen.learning_rate,
        "trials": {state: states.count(state) for state in ("complete", "pruned", "failed")},
        "cached_trials": sum(trial.cached for trial in result.trials),
        "full_fine_tunings_spent": round(spent / result.space.whole, 4),
    }
