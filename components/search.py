"""Search the freeze depth and the learning rate, on validation images only."""

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from components.frame import files
from components.frame.errors import UsageError
from components.frame.params import Params
from components.frame.spec import In, Out
from components.frame.stage import run
from components.frame.work import Work

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from components.study.plan import Plan
    from components.study.search import Found
    from components.study.space import Space
    from components.training.pretrained import Pretrained


def _several(value: object) -> object:
    """A list as it is, anything else as a list of one."""
    return value if isinstance(value, list) else [value]


Choice = BeforeValidator(_several), Field(min_length=1)
"""One value, or several to choose among, the baseline first."""
FreezeDepth = Annotated[int, Field(ge=0)] | Annotated[float, Field(ge=0, le=1)] | str


class RateRange(Params):
    """Learning rates that are tried, on a logarithmic scale."""

    low: Annotated[float, Field(gt=0)]
    """Lowest rate of AdamW."""
    high: Annotated[float, Field(gt=0)]
    """Highest rate of AdamW."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.low > self.high:
            raise ValueError(f"`low <= high` must hold, but got low={self.low}, high={self.high}")
        return self


class FreezeDepthRange(Params):
    """Freeze depths that are tried."""

    low: FreezeDepth
    """Lowest freeze depth; 0 trains everything."""
    high: FreezeDepth
    """Highest freeze depth; `head` trains the classifier alone."""


class Enqueued(Params):
    """A setting that is tried first."""

    freeze_depth: FreezeDepth
    """As in the range that is searched; `head` is the classifier alone."""
    learning_rate: Annotated[float, Field(gt=0)]
    """Within the range that is searched."""


class SearchParams(Params):
    """What is tried, how often, and with what beside."""

    strategy: Literal["staged", "tpe"]
    """`staged`: cheap freeze depths first, dear ones where something speaks for them; `tpe`:
    Optuna's estimator over everything."""
    max_trials: Annotated[int, Field(ge=1)]
    """Settings that are tried in full, those of `enqueue` included; probes and the finalists'
    confirmation runs come on top."""
    max_minutes: Annotated[float, Field(gt=0)] | None
    """No trial but the finalists' is begun later; null: no limit. A search that ends by it may end
    elsewhere the next time."""
    compute: Annotated[float, Field(gt=0)]
    """Factor on what `staged` may spend: 1.0 is one training of the whole network, and 0.008 for
    each of `max_trials`; probes come on top."""
    epochs: Annotated[int, Field(ge=1)]
    """Epochs of a trial; the schedule of the rate is as long."""
    learning_rate: RateRange
    """Of AdamW at its highest."""
    freeze_depth: FreezeDepthRange
    """Each an index into the network's groups (0 freezes none), a fraction of them (0.0 to 1.0), a
    layer's name, or `head`."""
    enqueue: list[Enqueued]
    """Baseline settings, tried first, so that a search never ends worse than them; `staged` probes
    those that train most of the network, and trains them in full where they win clearly."""
    prune_after: Annotated[int, Field(ge=0)]
    """With `tpe`, a trial below the median of the others at the same epoch ends early, once so many
    are done; 0: never."""
    confirmation_runs: Annotated[int, Field(ge=1)]
    """How often each of the two best is trained anew; their mean score decides."""
    views: Annotated[int, Field(ge=1)]
    """Augmented versions of every image that trials take turns with, and the cache holds."""
    cache_gib: Annotated[float, Field(ge=0)]
    """The most that kept activations of frozen layers may take on disk, GiB; 0: none are kept."""
    cache_precision: Literal["float32", "float16"]
    """Of kept activations: `float32` changes no bit on a CPU, `float16` takes half the room."""
    batch_size: Annotated[int, Field(ge=2)]
    """Images a step; `train` uses the same."""
    layer_decay: Annotated[list[Annotated[float, Field(gt=0, le=1)]], *Choice]
    """Factor on the rate for every group of layers below the head, 1.0: none; one, or several to
    choose among, the baseline first."""
    weight_decay: Annotated[list[Annotated[float, Field(ge=0)]], *Choice]
    """Of AdamW, on weights only; one or several."""
    head_dropout: Annotated[list[Annotated[float, Field(ge=0, lt=1)]], *Choice]
    """Fraction of what the classifier reads that is dropped in training; one or several."""
    label_smoothing: Annotated[float, Field(ge=0, lt=1)]
    """Fraction of the target spread over all classes; `train` uses the same."""
    magnitude: Annotated[list[Annotated[int, Field(ge=0, le=3)]], *Choice]
    """Of the augmentation, 0 none to 3 strong; one or several."""
    mixup: Annotated[list[Annotated[float, Field(ge=0)]], *Choice]
    """Blends pairs of images, by fractions from a beta distribution with this as both parameters;
    0.0: none are; one or several. Blended images cannot come from the cache."""
    seed: Annotated[int, Field(ge=0)]
    """Of everything drawn here; each trial derives its own."""
    device: Literal["auto", "cpu", "cuda", "mps"]
    """`auto` takes CUDA or MPS where there is one."""
    precision: Literal["auto", "off"]
    """`auto`: bfloat16 on CUDA; `off`: float32 everywhere."""
    workers: Annotated[int, Field(ge=0)]
    """Processes that prepare images; 0 is best on few cores."""

    @model_validator(mode="after")
    def _settings_in_range(self) -> Self:
        low, high = self.learning_rate.low, self.learning_rate.high
        for setting in self.enqueue:
            if not low <= setting.learning_rate <= high:
                raise ValueError(
                    f"enqueue: a learning_rate must lie in learning_rate.low to high, "
                    f"{low:g} to {high:g}, but is {setting.learning_rate:g}"
                )
        return self


def search(
    params: SearchParams,
    *,
    splits: In,
    raw: In,
    model: In,
    config: In,
    augmentation: In,
    best: Out,
    trials: Out,
    curves: Out,
    decisions: Out,
    audits: Out,
    summary: Out,
    freeze_depths: Out,
    importances: Out,
    work: Work,
) -> None:
    """Try settings one after another; a killed search goes on where it was, with equal results."""
    from components.data.images.pictures import open_images
    from components.model.device import choose_device
    from components.study.search import Search
    from components.training.feed import check_batch_size
    from components.training.pretrained import Pretrained
    from components.training.report import Progress, tell_device

    decoding = Progress(work.events, "search", "decoded")
    images = open_images(splits, raw, augmentation, work.cache, decoding)
    check_batch_size(params.batch_size, images, "params/search.yaml")
    pretrained = Pretrained.read(model, config, len(images.classes), images.transform.size)
    plan = make_plan(params, pretrained)
    device = choose_device(params.device)
    tell_device(work.events, device, params.precision)
    searching = Search(plan, images, pretrained, work.folder, work.cache, work.events, device)
    found = searching.run()
    settings = _settings(params, found, pretrained)
    files.write_yaml(best, settings, comment="The settings `train` uses.")
    _write_tables(found, trials, curves, decisions, len(images.val))
    files.write_json(audits, _audits(found))
    files.write_json(summary, _summary(found, pretrained))
    files.write_json(importances, found.importances)
    _write_freeze_depths(freeze_depths, pretrained, searching.reuse.space)
    print(
        f"chosen: {settings['layer']} at {settings['learning_rate']:.2g}, "
        f"{found.validation_accuracy:.1%} on validation images in confirmation runs"
    )


def make_plan(params: SearchParams, pretrained: "Pretrained") -> "Plan":
    """The parameters with freeze depths as this network's groups.

    Raises:
        UsageError: it has no such freeze depths.
    """
    from components.study.plan import CHOICES, Choices, Plan
    from components.training.recipe import Setting

    freeze_depths = _freeze_depths(params, pretrained)
    rates = (params.learning_rate.low, params.learning_rate.high)
    choices = Choices(**{name: tuple(getattr(params, name)) for name in CHOICES})
    baseline = {name: getattr(choices, name)[0] for name in CHOICES}
    enqueued = (
        Setting(
            min(max(pretrained.freeze_depth(one.freeze_depth), freeze_depths[0]), freeze_depths[1]),
            one.learning_rate,
            **baseline,
        )
        for one in params.enqueue
    )
    own = {"learning_rate", "freeze_depth", "enqueue", "cache_gib", "device", *CHOICES}
    return Plan(
        freeze_depths=freeze_depths,
        rates=rates,
        choices=choices,
        enqueued=tuple(dict.fromkeys(enqueued)),
        cache_bytes=int(params.cache_gib * 2**30),
        **params.model_dump(exclude=own),
    )


def _freeze_depths(params: SearchParams, pretrained: "Pretrained") -> tuple[int, int]:
    asked = params.freeze_depth
    low, high = pretrained.freeze_depth(asked.low), pretrained.freeze_depth(asked.high)
    if low > high:
        raise UsageError(
            "params/search.yaml: `freeze_depth.low <= freeze_depth.high` must hold, but got "
            f"{low} ({pretrained.layers[low]}) and {high} ({pretrained.layers[high]})."
        )
    return low, high


def _settings(params: SearchParams, found: "Found", pretrained: "Pretrained") -> dict[str, Any]:
    """What `train` needs to know, and nothing that may change while the choice does not."""
    from components.study.plan import CHOICES

    return {
        "freeze_depth": found.chosen.freeze_depth,
        "layer": pretrained.layers[found.chosen.freeze_depth],
        "learning_rate": found.chosen.learning_rate,
        **{name: getattr(found.chosen, name) for name in CHOICES},
        "batch_size": params.batch_size,
        "label_smoothing": params.label_smoothing,
    }


def _write_tables(
    found: "Found", trials: "Path", curves: "Path", decisions: "Path", validation: int
) -> None:
    import pandas as pd

    from components.frame.tables import write_csv

    rows = [trial.row() | {"chosen": trial.setting == found.chosen} for trial in found.trials]
    table = pd.DataFrame(rows)
    score = table["validation_score"]
    table["validation_score_error"] = (score * (1 - score) / validation) ** 0.5
    write_csv(trials, table)
    rows = [{"number": t.number, **epoch} for t in found.trials for epoch in t.history]
    write_csv(curves, scored_epochs(pd.DataFrame(rows), validation))
    columns = ["trials_before", "decision"]
    write_csv(decisions, pd.DataFrame(list(found.decisions), columns=columns))


def scored_epochs(epochs: "pd.DataFrame", validation: int) -> "pd.DataFrame":
    """Epochs with their scores under the names that tables have, and the error of each."""
    table = epochs.rename(columns=lambda name: str(name).replace("accuracy", "score"))
    score = table["validation_score"]
    table["validation_score_error"] = (score * (1 - score) / validation) ** 0.5
    return table


def _write_freeze_depths(path: "Path", pretrained: "Pretrained", space: "Space") -> None:
    """What freezing costs and leaves, a row a freeze depth."""
    import pandas as pd

    from components.frame.tables import write_csv

    columns = {
        "freeze_depth": range(len(pretrained.layers)),
        "layer": pretrained.layers,
        "trained_fraction": pretrained.fractions,
        "trial_cost": [space.trial(depth) for depth in range(len(pretrained.layers))],
    }
    write_csv(path, pd.DataFrame(columns))


def _audits(found: "Found") -> list[dict[str, Any]]:
    """What was in force in each trial, by group of layers."""
    return [
        {"number": trial.number, "cached": trial.cached, "why": trial.why, "cost": trial.cost,
         "groups": list(trial.audit)}
        for trial in found.trials
    ]  # fmt: skip


def _summary(found: "Found", pretrained: "Pretrained") -> dict[str, Any]:
    states = [trial.state for trial in found.trials]
    spent = sum(trial.cost for trial in found.trials)
    return {
        "validation_accuracy": found.validation_accuracy,
        "freeze_depth": found.chosen.freeze_depth,
        "trained_fraction": round(pretrained.fractions[found.chosen.freeze_depth], 4),
        "learning_rate": found.chosen.learning_rate,
        "trials": {state: states.count(state) for state in ("complete", "pruned", "failed")},
        "cached_trials": sum(trial.cached for trial in found.trials),
        "full_fine_tunings_spent": round(spent / found.whole_cost, 4),
    }


if __name__ == "__main__":
    run(search)
