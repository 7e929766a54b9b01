"""Search the freeze depth and the learning rate, on validation pictures only."""

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from components import files
from components.stage import In, Out, Params, Work, run

if TYPE_CHECKING:
    from pathlib import Path

    from components.training.study import Search, Trial

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


class Setting(Params):
    """A setting that is tried first."""

    depth: Depth
    """As `depth_from`; `head` is the classifier alone."""
    learning_rate: Annotated[float, Field(gt=0)]
    """Within the range that is searched."""


class SearchParams(Params):
    """What is tried, how often, and with what beside."""

    max_trials: Annotated[int, Field(ge=1)]
    """Settings that are tried, those of `enqueue` included."""
    epochs: Annotated[int, Field(ge=1)]
    """Epochs of a trial; the schedule of the rate is as long."""
    learning_rate: RateRange
    """Of AdamW at its highest."""
    depth_from: Depth
    """Shallowest depth tried: an index into the network's groups (0 trains everything), a share of
    them (0.0 to 1.0), or a layer's name."""
    depth_to: Depth
    """Deepest depth tried; `head` trains the classifier alone."""
    enqueue: list[Setting]
    """Customary settings, tried first, so that a search never ends worse than them."""
    prune_after: Annotated[int, Field(ge=0)]
    """A trial below the median of the others at the same epoch ends early, once so many are done;
    0: never."""
    batch_size: Annotated[int, Field(ge=2)]
    """Pictures a step; `train` uses the same."""
    weight_decay: Annotated[float, Field(ge=0)]
    """Of AdamW, on weights only; `train` uses the same."""
    label_smoothing: Annotated[float, Field(ge=0, lt=1)]
    """Share of the target spread over all classes; `train` uses the same."""
    strength: Annotated[int, Field(ge=0, le=3)]
    """Of the augmentation, 0 none to 3 strong; `train` uses the same."""
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
    summary: Out,
    landscape: Out,
    work: Work,
) -> None:
    """Try settings one after another; a killed search goes on where it was, with equal results."""
    from components.training.feed import check_batch_size, open_pictures
    from components.training.report import Progress
    from components.training.start import Start
    from components.training.study import Search

    decoding = Progress(work.events, "search", "decoded")
    pictures = open_pictures(splits, raw, augmentation, work.cache, decoding)
    check_batch_size(params.batch_size, pictures, "params/search.yaml")
    start = Start.read(model, config, len(pictures.classes), pictures.transform.size)
    found = Search(params, pictures, start, work.folder, work.events)
    chosen = found.run()
    files.write_yaml(best, _settings(params, chosen), comment="The settings `train` uses.")
    _write_tables(found, trials, curves)
    files.write_json(summary, _summary(found, chosen))
    _draw(found, chosen, landscape)
    print(f"chosen: trial {chosen.number}, {chosen.validation_accuracy:.1%} on validation pictures")


def _settings(params: SearchParams, chosen: "Trial") -> dict[str, Any]:
    """What `train` needs to know, and nothing that may change while the choice does not."""
    return {
        "depth": chosen.depth,
        "layer": chosen.layer,
        "learning_rate": chosen.learning_rate,
        "batch_size": params.batch_size,
        "weight_decay": params.weight_decay,
        "label_smoothing": params.label_smoothing,
        "strength": params.strength,
    }


def _write_tables(found: "Search", trials: "Path", curves: "Path") -> None:
    import pandas as pd

    from components.data.manifest import write_csv

    finished = found.finished()
    write_csv(trials, pd.DataFrame([trial.row() for trial in finished]))
    rows = [{"number": t.number, **epoch} for t in finished for epoch in t.history]
    write_csv(curves, pd.DataFrame(rows))


def _summary(found: "Search", chosen: "Trial") -> dict[str, Any]:
    states = [trial.state for trial in found.finished()]
    return {
        "validation_accuracy": chosen.validation_accuracy,
        "depth": chosen.depth,
        "trained_share": chosen.trained_share,
        "learning_rate": chosen.learning_rate,
        "trials": {state: states.count(state) for state in ("complete", "pruned", "failed")},
    }


def _draw(found: "Search", chosen: "Trial", landscape: "Path") -> None:
    from components.evaluation.pictures import save_landscape

    shown = [trial for trial in found.finished() if trial.history]
    save_landscape(
        landscape,
        [trial.depth for trial in shown],
        [trial.learning_rate for trial in shown],
        [trial.validation_accuracy for trial in shown],
        [trial.state == "complete" for trial in shown],
        [trial.number for trial in shown].index(chosen.number),
        found.start.layers,
    )


if __name__ == "__main__":
    run(search)
