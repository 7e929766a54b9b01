"""Search the freeze depth and the learning rate, on validation images only."""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from components.frame.params import Params
from components.frame.spec import In, Out
from components.frame.stage import run
from components.frame.work import Work


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
    """Baseline settings, tried first. `staged` only probes those that train most of the network,
    and trains them in full where the probe leads clearly: one that a probe underrates may have been
    better than what is chosen. The head alone is set aside where it does not lead clearly."""
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
    label_smoothing: Annotated[list[Annotated[float, Field(ge=0, lt=1)]], *Choice]
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
    freeze_depths: Out,
    audits: Out,
    summary: Out,
    importances: Out,
    work: Work,
) -> None:
    """Try settings one after another; a killed search goes on where it was, with equal results."""
    from components.study.run import SearchOutputs, run_search
    from components.training.inputs import Inputs

    run_search(
        Inputs(splits=splits, raw=raw, model=model, config=config, augmentation=augmentation),
        SearchOutputs(
            best=best,
            trials=trials,
            curves=curves,
            decisions=decisions,
            freeze_depths=freeze_depths,
            audits=audits,
            summary=summary,
            importances=importances,
        ),
        work,
        **params.model_dump(),
    )


if __name__ == "__main__":
    run(search)
