"""Search the freeze depth and the learning rate, on validation pictures only."""

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

    from components.study.plan import Plan
    from components.study.search import Found
    from components.training.pretrained import Start


def _several(value: object) -> object:
    """A list as it is, anything else as a list of one."""
    return value if isinstance(value, list) else [value]


Choice = BeforeValidator(_several), Field(min_length=1)
"""One value, or several to choose among, the customary one first."""
Depth = Annotated[int, Field(ge=0)] | Annotated[float, Field(ge=0, le=1)] | str


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


class Enqueued(Params):
    """A setting that is tried first."""

    depth: Depth
    """As `depth_from`; `head` is the classifier alone."""
    learning_rate: Annotated[float, Field(gt=0)]
    """Within the range that is searched."""


class SearchParams(Params):
    """What is tried, how often, and with what beside."""

    strategy: Literal["staged", "tpe"]
    """`staged`: cheap depths first, dear ones where something speaks for them; `tpe`: Optuna's
    estimator over everything."""
    max_trials: Annotated[int, Field(ge=1)]
    """Settings that are tried in full, those of `enqueue` included; probes and the finalists'
    fresh trainings come on top."""
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
    depth_from: Depth
    """Shallowest depth tried: an index into the network's groups (0 trains everything), a share of
    them (0.0 to 1.0), or a layer's name."""
    depth_to: Depth
    """Deepest depth tried; `head` trains the classifier alone."""
    enqueue: list[Enqueued]
    """Customary settings, tried first, so that a search never ends worse than them; `staged` probes
    those that train most of the network, and trains them in full where they win clearly."""
    prune_after: Annotated[int, Field(ge=0)]
    """With `tpe`, a trial below the median of the others at the same epoch ends early, once so many
    are done; 0: never."""
    fresh_seeds: Annotated[int, Field(ge=1)]
    """How often each of the two best is trained anew; their mean score decides."""
    views: Annotated[int, Field(ge=1)]
    """Augmented versions of every picture that trials take turns with, and the cache holds."""
    cache_gib: Annotated[float, Field(ge=0)]
    """The most that kept activations of frozen layers may take on disk, GiB; 0: none are kept."""
    cache_precision: Literal["float32", "float16"]
    """Of kept activations: `float32` changes no bit on a CPU, `float16` takes half the room."""
    batch_size: Annotated[int, Field(ge=2)]
    """Pictures a step; `train` uses the same."""
    layer_decay: Annotated[list[Annotated[float, Field(gt=0, le=1)]], *Choice]
    """Factor on the rate for every group of layers below the head, 1.0: none; one, or several to
    choose among, the customary one first."""
    weight_decay: Annotated[list[Annotated[float, Field(ge=0)]], *Choice]
    """Of AdamW, on weights only; one or several."""
    head_dropout: Annotated[list[Annotated[float, Field(ge=0, lt=1)]], *Choice]
    """Share of what the classifier reads that is dropped in training; one or several."""
    label_smoothing: Annotated[float, Field(ge=0, lt=1)]
    """Share of the target spread over all classes; `train` uses the same."""
    strength: Annotated[list[Annotated[int, Field(ge=0, le=3)]], *Choice]
    """Of the augmentation, 0 none to 3 strong; one or several."""
    mixup: Annotated[list[Annotated[float, Field(ge=0)]], *Choice]
    """Blends pairs of pictures, by shares from a beta distribution with this as both parameters;
    0.0: none are; one or several. Blended pictures cannot come from the cache."""
    seed: Annotated[int, Field(ge=0)]
    """Of everything drawn here; each trial derives its own."""
    device: Literal["auto", "cpu", "cuda", "mps"]
    """`auto` takes CUDA or MPS where there is one."""
    precision: Literal["auto", "off"]
    """`auto`: bfloat16 on CUDA; `off`: float32 everywhere."""
    workers: Annotated[int, Field(ge=0)]
    """Processes that prepare pictures; 0 is best on few cores."""

    @model_validator(mode="after")
    def _settings_in_range(self) -> Self:
        low, high = self.learning_rate.low, self.learning_rate.high
        for setting in self.enqueue:
            if not low <= setting.learning_rate <= high:
                raise ValueError(
                    f"enqueue: a learning_rate has to lie in learning_rate.low to high, "
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
    importances: Out,
    landscape: Out,
    front: Out,
    epochs: Out,
    work: Work,
) -> None:
    """Try settings one after another; a killed search goes on where it was, with equal results."""
    from components.data.images.pictures import open_pictures
    from components.study.search import Search
    from components.training.device import choose_device
    from components.training.feed import check_batch_size
    from components.training.pretrained import Start
    from components.training.report import Progress, tell_device

    decoding = Progress(work.events, "search", "decoded")
    pictures = open_pictures(splits, raw, augmentation, work.cache, decoding)
    check_batch_size(params.batch_size, pictures, "params/search.yaml")
    start = Start.read(model, config, len(pictures.classes), pictures.transform.size)
    plan = make_plan(params, start)
    device = choose_device(params.device)
    tell_device(work.events, device, params.precision)
    found = Search(plan, pictures, start, work.folder, work.cache, work.events, device).run()
    settings = _settings(params, found, start)
    files.write_yaml(best, settings, comment="The settings `train` uses.")
    _write_tables(found, trials, curves, decisions)
    files.write_json(audits, _audits(found))
    files.write_json(summary, _summary(found, start))
    files.write_json(importances, found.importances)
    _draw(found, start, landscape, front)
    _draw_curves(found, start, epochs)
    print(
        f"chosen: {settings['layer']} at {settings['learning_rate']:.2g}, "
        f"{found.validation_accuracy:.1%} on validation pictures with fresh seeds"
    )


def make_plan(params: SearchParams, start: "Start") -> "Plan":
    """The parameters with depths as this network's groups.

    Raises:
        UsageError: it has no such depths.
    """
    from components.study.plan import CHOICES, Choices, Plan
    from components.training.recipe import Setting

    depths = _depth_range(params, start)
    rates = (params.learning_rate.low, params.learning_rate.high)
    choices = Choices(**{name: tuple(getattr(params, name)) for name in CHOICES})
    usual = {name: getattr(choices, name)[0] for name in CHOICES}
    enqueued = (
        Setting(min(max(start.depth(one.depth), depths[0]), depths[1]), one.learning_rate, **usual)
        for one in params.enqueue
    )
    own = {"learning_rate", "depth_from", "depth_to", "enqueue", "cache_gib", "device", *CHOICES}
    return Plan(
        depths=depths, rates=rates, choices=choices, enqueued=tuple(dict.fromkeys(enqueued)),
        cache_bytes=int(params.cache_gib * 2**30), **params.model_dump(exclude=own),
    )  # fmt: skip


def _depth_range(params: SearchParams, start: "Start") -> tuple[int, int]:
    low, high = start.depth(params.depth_from), start.depth(params.depth_to)
    if low > high:
        raise UsageError(
            "params/search.yaml: `depth_from <= depth_to` must hold, but got "
            f"{low} ({start.layers[low]}) and {high} ({start.layers[high]})."
        )
    return low, high


def _settings(params: SearchParams, found: "Found", start: "Start") -> dict[str, Any]:
    """What `train` needs to know, and nothing that may change while the choice does not."""
    from components.study.plan import CHOICES

    return {
        "depth": found.chosen.depth,
        "layer": start.layers[found.chosen.depth],
        "learning_rate": found.chosen.learning_rate,
        **{name: getattr(found.chosen, name) for name in CHOICES},
        "batch_size": params.batch_size,
        "label_smoothing": params.label_smoothing,
    }


def _write_tables(found: "Found", trials: "Path", curves: "Path", decisions: "Path") -> None:
    import pandas as pd

    from components.frame.tables import write_csv

    write_csv(trials, pd.DataFrame([trial.row() for trial in found.trials]))
    rows = [{"number": t.number, **epoch} for t in found.trials for epoch in t.history]
    write_csv(curves, pd.DataFrame(rows))
    columns = ["trials_before", "decision"]
    write_csv(decisions, pd.DataFrame(list(found.decisions), columns=columns))


def _audits(found: "Found") -> list[dict[str, Any]]:
    """What was in force in each trial, by group of layers."""
    return [
        {"number": trial.number, "cached": trial.cached, "why": trial.why, "cost": trial.cost,
         "groups": list(trial.audit)}
        for trial in found.trials
    ]  # fmt: skip


def _summary(found: "Found", start: "Start") -> dict[str, Any]:
    states = [trial.state for trial in found.trials]
    spent = sum(trial.cost for trial in found.trials)
    return {
        "validation_accuracy": found.validation_accuracy,
        "depth": found.chosen.depth,
        "trained_share": round(start.shares[found.chosen.depth], 4),
        "learning_rate": found.chosen.learning_rate,
        "trials": {state: states.count(state) for state in ("complete", "pruned", "failed")},
        "cached_trials": sum(trial.cached for trial in found.trials),
        "full_fine_tunings_spent": round(spent / found.whole_cost, 4),
    }


def _draw(found: "Found", start: "Start", landscape: "Path", front: "Path") -> None:
    from components.figures.search_landscape import Point, save_front, save_landscape

    points = [
        Point(t.depth, t.learning_rate, t.validation_accuracy, t.cost / found.whole_cost, t.kind,
              t.setting == found.chosen)
        for t in found.trials if t.history
    ]  # fmt: skip
    save_landscape(landscape, points, start.layers)
    save_front(front, points, start.layers)


def _draw_curves(found: "Found", start: "Start", epochs: "Path") -> None:
    from components.figures.search_curves import Curve, save_curves

    curves = [
        Curve(t.depth, tuple(e["validation_accuracy"] for e in t.history), t.kind,
              t.setting == found.chosen)
        for t in found.trials if t.history
    ]  # fmt: skip
    save_curves(epochs, curves, start.layers, found.importances)


if __name__ == "__main__":
    run(search)
