"""The search as a stage: from its parameters to a plan, and from what it found to files."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import torch

from components.frame import files
from components.frame.errors import UsageError
from components.frame.tables import write_csv
from components.frame.work import Work
from components.model.device import DeviceName, Precision, choose_device
from components.model.drop_paths import drop_paths
from components.model.families import ATTENDING, Family
from components.model.family import family
from components.model.hidden_layers import NO_LAYERS
from components.study.folds import planned
from components.study.plan import Plan
from components.study.rates import AUTO, body_rates, rate_range
from components.study.search import Search, SearchResult
from components.study.shared_record import SharedRecord, address
from components.study.shared_search import SharedSearch
from components.tasks.task import LossRequest, Task
from components.training import samplers
from components.training.images import Images, check_batch_size
from components.training.inputs import Inputs
from components.training.largest_batch import largest_batch
from components.training.optimizers import require_optimizers
from components.training.pretrained import Pretrained
from components.training.progress import tell_device
from components.training.recipe import BASE, BELOW_THE_HEAD, CHOICES, DEFAULTS, Best, Setting
from components.training.subset import subset as part_of

FEW = {"lora_rank": (0, 8)}
"""What is chosen among by default where the network attends: to train few of its parameters."""

OWN = ("head_start", "batch_norm", "layer_decay")
"""What a baseline setting may have of its own, beside freeze depth and rate."""
LEAST = 64
"""Images that trials have at any rate, where there are as many."""


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
    batch_size: int | Literal["auto"],
    device: DeviceName,
    subset: float,
    precision: Precision,
    **asked: Any,  # noqa: ANN401  # the other parameters, as `SearchParams` has checked them
) -> None:
    """Search, choose, and write down what was tried and why; `asked` is for `make_plan`."""
    images, pretrained = inputs.opened("search", work)
    least = LEAST if batch_size == "auto" else 2 * batch_size
    images = part_of(images, subset, asked["seed"], "params/search.yaml", least)
    where = choose_device(device)
    if batch_size == "auto":
        batch_size = largest_batch(
            lambda: pretrained.network(0),
            pretrained.size,
            len(images.train),
            device=where,
            precision=precision,
            keep=work.folder / "batch_size.json",
        )
        print(f"batch_size auto: {batch_size}")
    check_batch_size(batch_size, images, "params/search.yaml")
    plan = make_plan(pretrained, batch_size=batch_size, precision=precision, **asked)
    plan = planned(plan, images)
    _check_targets(plan, images)
    tell_device(work.events, where, plan.precision)
    found = _opened(plan, images, pretrained, work, where)
    result = found.run()
    best = Best(
        layer=pretrained.layers[result.chosen.freeze_depth],
        batch_size=batch_size,
        setting=result.chosen,
    )
    best.write(outputs.best)
    _write_tables(result, pretrained, images.task, outputs)
    files.write_json(outputs.audits, _audits(result))
    shared = {"workers": found.workers} if isinstance(found, SharedSearch) else {}
    files.write_json(outputs.summary, _summary(result, pretrained, images.task) | shared)
    files.write_json(outputs.importances, result.importances)
    print(
        f"chosen: {best.layer} at {best.setting.learning_rate:.2g}, validation "
        f"{images.task.score_name} {images.task.shown(result.score)} in confirmation runs"
    )


def _opened(
    plan: Plan, images: Images, pretrained: Pretrained, work: Work, device: torch.device
) -> Search:
    """A search by itself, or this worker's part in one that others share."""
    own = (plan, images, pretrained, work.folder, work.cache, work.events, device)
    if not (url := address()):
        return Search(*own)
    name, layers, fractions = f"thawline-{work.state}", pretrained.layers, pretrained.fractions
    return SharedSearch(*own, SharedRecord(url, name, plan, layers, fractions))


def _check_targets(plan: Plan, images: Images) -> None:
    """See that what is asked of losses and samplers can be had of these targets.

    Raises:
        UsageError: it cannot.
    """
    choices, targets = plan.choices, images.train.targets
    samplers.check(choices["sampling"], choices["curriculum"], targets, "params/search.yaml")
    for weights in choices["class_weights"]:
        images.task.loss(LossRequest(class_weights=weights), targets)


def make_plan(
    pretrained: Pretrained,
    *,
    freeze_depth: Mapping[str, Any],
    learning_rate: Mapping[str, float | Literal["auto"]],
    enqueue: Sequence[Mapping[str, Any]],
    cache_gib: float,
    **others: Any,  # noqa: ANN401  # those that `Plan` takes as they are, and `CHOICES`
) -> Plan:
    """The parameters of the search with freeze depths as this network's groups.

    Raises:
        UsageError: it has no such freeze depths, or they leave a setting out; or it has no branch
            to drop.
    """
    low, high = _freeze_depths(pretrained, **freeze_depth)
    network = family(pretrained.network(0), pretrained.config.architecture)
    choices = _resolved({name: tuple(others.pop(name)) for name in CHOICES}, network)
    _require_adapters(choices)
    choices["start"] = _starts(pretrained, choices)
    relative = choices["backbone_rate"] == (AUTO,)
    choices["backbone_rate"] = (1.0,) if relative else choices["backbone_rate"]
    optimizer = choices["optimizer"][0]
    relative, body = relative and AUTO in learning_rate.values(), body_rates(network, optimizer)
    if low == len(pretrained.layers) - 1:
        _require_nothing_below(choices, low)
    require_optimizers(choices["optimizer"], choices["momentum"])
    if rates := [rate for rate in choices["stochastic_depth"] if rate]:
        drop_paths(pretrained.network(0), rates[0])
    first = {name: several[0] for name, several in choices.items()}
    bare = {name: DEFAULTS[name] for name in BELOW_THE_HEAD}
    head = len(pretrained.layers) - 1
    enqueued = []
    for one in enqueue:
        place = _within(pretrained, one["freeze_depth"], low, high)
        own = _own(one, pretrained, first, even=not relative or body.whole == 1)
        asked = first | own | (bare if place == head else {})
        enqueued.append(Setting(freeze_depth=place, learning_rate=one["learning_rate"], **asked))
    return Plan(
        freeze_depths=(low, high),
        rates=rate_range(**learning_rate, optimizer=optimizer),
        body=body if relative else None,
        family=network,
        choices=choices,
        enqueued=tuple(dict.fromkeys(_from_each_start(enqueued, choices["start"], head))),
        cache_bytes=int(cache_gib * 2**30),
        **others,
    )


def _own(
    baseline: Mapping[str, Any], pretrained: Pretrained, first: Mapping[str, Any], *, even: bool
) -> dict[str, Any]:
    """What a baseline setting has of its own, as far as it fits; `even`: one rate does for all.

    A head that knows its classes, or has hidden layers, is no linear model's.
    """
    own = {name: baseline[name] for name in OWN if baseline.get(name) is not None}
    if pretrained.known or first["head_layers"] != NO_LAYERS:
        own.pop("head_start", None)
    if not even:
        own.pop("layer_decay", None)
    return own


def _starts(pretrained: Pretrained, choices: Mapping[str, tuple[Any, ...]]) -> tuple[str, ...]:
    """What training can start from, of what is asked for; a champion that teaches is started from.

    Raises:
        UsageError: nothing of it.
    """
    alone = pretrained.package is None or any(choices["distillation"])
    starts = tuple(one for one in choices["start"] if one == BASE or not alone)
    if not starts:
        raise UsageError(
            "params/search.yaml: start must be base where there is no champion of the packaged "
            "network, but is package. Take it back: thawline params --reset search.start"
        )
    return starts


def _from_each_start(
    settings: Iterable[Setting], starts: Sequence[str], head: int
) -> Iterator[Setting]:
    """Settings, and those of the head alone, which cost little, from the other start as well."""
    for setting in settings:
        yield setting
        for start in starts[1:] if setting.freeze_depth == head else ():
            yield replace(setting, start=start)


def _resolved(
    choices: Mapping[str, tuple[Any, ...]], network: Family
) -> dict[str, tuple[Any, ...]]:
    """What is chosen among, with `auto` by the kind of the network."""
    few = FEW if network in ATTENDING else {name: (DEFAULTS[name],) for name in FEW}
    return {
        name: few[name] if name in few and several == (AUTO,) else several
        for name, several in choices.items()
    }


def _require_adapters(choices: Mapping[str, tuple[Any, ...]]) -> None:
    """See that nothing is asked of adapters that `auto` gives no network of this kind.

    Raises:
        UsageError: something is.
    """
    for name in ("lora_alpha", "lora_layers"):
        if not any(choices["lora_rank"]) and choices[name] != (DEFAULTS[name],):
            raise UsageError(
                f"params/search.yaml: {name} must have an effect, but {[*choices[name]]} has none "
                "beside lora_rank=auto, which is 0 for a network without attention. Set "
                "search.lora_rank=8, or take the first back: thawline params --reset "
                f"search.{name}"
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


def _require_nothing_below(choices: Mapping[str, tuple[Any, ...]], low: int) -> None:
    """See that nothing is asked for below the head where that alone trains."""
    for name in BELOW_THE_HEAD:
        if choices[name] != (DEFAULTS[name],):
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
        "learning_rates": dict(zip(("low", "high"), result.space.plan.rates, strict=True)),
        "trials": {state: states.count(state) for state in ("complete", "pruned", "failed")},
        "cached_trials": sum(trial.cached for trial in result.trials),
        "full_fine_tunings_spent": round(spent / result.space.whole, 4),
        **({"folds": result.space.folds} if result.space.folds > 1 else {}),
    }
