"""Search the freeze depth and the learning rate, on validation images only."""

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from components.frame.params import Params
from components.frame.spec import In, Out
from components.frame.stage import run
from components.frame.work import Work
from components.study.rates import AUTO, rate_range
from components.study.values import (
    Choice,
    ClassWeights,
    Folds,
    FreezeDepth,
    HiddenLayers,
    Rate,
    Schedule,
    Subset,
    auto_alone,
)
from components.study.void import HEAD, RULES

FEWEST_ROWS = 2
"""Images that a part of a batch needs: batch normalisation cannot learn from one."""


def _surely_above(one: float | str, other: float | str) -> bool:
    """Whether a freeze depth lies above another in any network; often the network decides."""
    if one == HEAD:
        return other == 0
    if isinstance(one, str) or isinstance(other, str):
        return False
    return one > other and (type(one) is type(other) or other == 0)


class RateRange(Params):
    """Learning rates that are tried, on a logarithmic scale."""

    low: Rate
    """Lowest rate; `auto`: 1e-4, or 1e-3 for sgd and its like."""
    high: Rate
    """Highest rate; `auto`: a hundred times the lowest."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        given = not isinstance(self.low, str) and not isinstance(self.high, str)
        if given and self.low > self.high:  # type: ignore[operator]  # both are numbers
            raise ValueError(f"`low <= high` must hold, but got low={self.low}, high={self.high}")
        return self


class FreezeDepthRange(Params):
    """Freeze depths that are tried."""

    low: FreezeDepth
    """Lowest, 0 trains everything; or a fraction such as 0.5, or a layer's name."""
    high: FreezeDepth
    """Highest, `head` trains the classifier alone; or as `low`."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if _surely_above(self.low, self.high):
            raise ValueError(f"`low <= high` must hold, but got low={self.low}, high={self.high}")
        return self


class Enqueued(Params):
    """A setting that is tried first."""

    freeze_depth: FreezeDepth
    """As in the range that is searched; `head` is the classifier alone."""
    learning_rate: Annotated[float, Field(gt=0)]
    """Within the range that is searched."""
    head_start: Literal["drawn", "probe"] | None = None
    """As below; where nothing is said, as the first of those that are searched."""
    batch_norm: Literal["trained", "frozen", "auto"] | None = None
    """So too."""
    layer_decay: Annotated[float, Field(gt=0, le=1)] | None = None
    """So too; with `backbone_rate: auto` it is left out of networks that have a rate of their own
    below the head."""

    @model_serializer(mode="wrap")
    def _brief(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """What is said, alone."""
        return {name: value for name, value in dump(self).items() if value is not None}


class SearchParams(Params):
    """What the search tries, and how long."""

    strategy: Literal["staged", "tpe", "baseline"] = "staged"
    """Who decides what is tried; `staged`: cheap freeze depths first, dear ones where something
    speaks for them; `tpe`: Optuna's estimator over everything; `baseline`: nobody, the setting of
    `enqueue` that trains most is taken, once a trial has shown that it trains."""
    max_trials: Annotated[int, Field(ge=1)] = 16
    """Settings that are tried in full, at most; those of `enqueue` count, probes and the
    finalists' confirmation runs come on top."""
    max_minutes: Annotated[float, Field(gt=0)] | None = None
    """No trial but the finalists' is begun later; `null`: no limit; a search that ends by it may
    end elsewhere the next time."""
    compute: Annotated[float, Field(gt=0)] = 1.0
    """Factor on what `staged` may spend; 1.0 is one training of the whole network, and 0.008 for
    each of `max_trials`; probes come on top."""
    epochs: Annotated[int, Field(ge=1)] = 4
    """Epochs of a trial; the schedule of the rate is as long."""
    learning_rate: RateRange = RateRange(low=AUTO, high=AUTO)
    """Of the head, at its highest; searched on a logarithmic scale; layers below train at
    `backbone_rate` times as much."""
    freeze_depth: FreezeDepthRange = FreezeDepthRange(low=0, high=HEAD)
    """How many groups of layers, from the stem, are frozen; each end an index (0 freezes none), a
    fraction of the groups (0.0 to 1.0), a layer's name, or `head`."""
    enqueue: list[Enqueued] = Field(
        [
            Enqueued(freeze_depth=HEAD, learning_rate=1e-2),
            Enqueued(freeze_depth=0, learning_rate=1e-3),
        ]
    )
    """Baseline settings, tried first; in full where cheap, otherwise only probed; `staged` trains
    those that train most of the network in full where the probe leads clearly: one that a probe
    underrates may have been better than what is chosen, and the head alone is set aside where it
    does not lead clearly."""
    head: Literal["yardstick", "candidate"] = "yardstick"
    """What the head alone is tried for; `yardstick`: to measure others by, it is chosen only where
    nothing else trains, since a linear model stands behind the final training (`train.fallback`)
    and short trials favour what learns fast; `candidate`: to be chosen."""
    prune_after: Annotated[int, Field(ge=0)] = 5
    """So many trials of `tpe`, then one below the median ends early; of those done, at the same
    epoch; 0: never."""
    confirmation_runs: Annotated[int, Field(ge=1)] = 1
    """Of each of the two best settings; their mean score decides."""
    folds: Folds = "auto"
    """Over how many a trial is scored; parts of the train and validation images, each judged in
    turn by what was trained on the others; classes are spread evenly, groups (`split.group_by`)
    stay whole; `auto`: 5 where there are fewer than 200 validation images, else 1; 1: the splits
    are taken as they are, as `train` does it always."""
    views: Annotated[int, Field(ge=1)] = 2
    """Augmented versions of every image that trials take turns with; the cache holds each."""
    cache_gib: Annotated[float, Field(ge=0)] = 4.0
    """Of kept activations of frozen layers, at most, GiB; 0: none."""
    cache_precision: Literal["float32", "float16"] = "float32"
    """Of kept activations; `float32` changes no bit on a CPU, `float16` takes half the room."""
    subset: Subset = 1.0
    """Of the images to train on, for trials; a fraction up to 1.0, or a whole number of images;
    each class keeps its fraction, and two batches are left at any rate; validation and `train` have
    all."""
    batch_size: Literal["auto"] | Annotated[int, Field(ge=2)] = 32
    """Images a step; `auto`: on CUDA the largest of 32, 64, 128 and 256 that training the whole
    network fits into memory with and that leaves 8 steps an epoch, or less where that does not;
    elsewhere 32; `train` uses the same."""
    layer_decay: Annotated[list[Annotated[float, Field(gt=0, le=1)]], *Choice] = Field([1.0])
    """Factor on the rate for each group below the head, or several: [1.0, 0.7]; 1.0: none."""
    weight_decay: Annotated[list[Annotated[float, Field(ge=0)]], *Choice] = Field([0.05])
    """On weights alone; biases and norms do not decay."""
    head_dropout: Annotated[list[Annotated[float, Field(ge=0, lt=1)]], *Choice] = Field([0.0])
    """Fraction of what the classifier reads that is dropped."""
    magnitude: Annotated[list[Annotated[int, Field(ge=0, le=3)]], *Choice] = Field([1])
    """Of the augmentation, 0 none to 3 strong."""
    mixup: Annotated[list[Annotated[float, Field(ge=0)]], *Choice] = Field([0.0])
    """Blends pairs of images, as 0.2 does; by fractions from a beta distribution with this as both
    parameters; 0.0: none are; blended images cannot come from the cache."""
    cutmix: Annotated[list[Annotated[float, Field(ge=0)]], *Choice] = Field([0.0])
    """Pastes a box of another image, as 1.0 does; its area's fraction is from a beta distribution
    with this as both parameters, and is the target's too; 0.0: nothing is pasted; beside mixup a
    batch gets one of the two; such images cannot come from the cache."""
    erasing: Annotated[list[Annotated[float, Field(ge=0, le=1)]], *Choice] = Field([0.0])
    """Probability that a rectangle of an image becomes noise; such images cannot come from the
    cache."""
    label_smoothing: Annotated[list[Annotated[float, Field(ge=0, lt=1)]], *Choice] = Field([0.1])
    """Fraction of the target spread over all classes; `train` uses the same."""
    batch_norm: Annotated[list[Literal["trained", "frozen", "auto"]], *Choice] = Field(["trained"])
    """Statistics of batch normalisation in layers that train; `trained`: those of each batch, and
    their average when judged; `frozen`: those of the pretraining; `auto`: frozen where there are
    any (as in Mask R-CNN: He et al., ICCV 2017)."""
    tuning: Annotated[list[Literal["full", "norms", "bitfit"]], *Choice] = Field(["full"])
    """What trains of layers below the head; `norms`: normalisation alone (Frankle et al., ICLR
    2021); `bitfit`: biases alone (Ben Zaken et al., ACL 2022)."""
    surgical: Annotated[list[Literal["none", "first", "middle", "last"]], *Choice] = Field(["none"])
    """The third of the layers that trains alone; of those that the freeze depth leaves, with the
    head (Lee et al., ICLR 2023); `none`: all of them train."""
    lora_rank: Annotated[
        list[Literal["auto"] | Annotated[int, Field(ge=0)]], *Choice, AfterValidator(auto_alone)
    ] = Field([AUTO])
    """Of adapters that train in place of the layers, as 8; LoRA (Hu et al., ICLR 2022), by peft,
    which takes seconds to load; 0: there are none; `auto`: [0, 8] for transformers, else 0."""
    lora_alpha: Annotated[list[Annotated[float, Field(gt=0)]], *Choice] = Field([16.0])
    """Adapters count this over their rank times."""
    lora_layers: Annotated[list[Literal["all", "attention", "mlp"]], *Choice] = Field(["all"])
    """Those with adapters; `all`: every linear layer and 1x1 convolution behind the freeze depth;
    `attention`, `mlp`: those of these parts of a transformer."""
    phases: Annotated[list[Literal["none", "lp_ft", "progressive"]], *Choice] = Field(["none"])
    """When layers come to train; `none`: from the start; `lp_ft`: once the head alone has trained
    for a quarter of the epochs (Kumar et al., ICLR 2022); `progressive`: group by group, the head
    first (ULMFiT: Howard and Ruder, ACL 2018); the rate warms up anew in each phase."""
    head_layers: Annotated[list[HiddenLayers], *Choice] = Field(["none"])
    """Hidden layers below the classifier; widths from the features on, each with its dropout if
    any: 512:0.2+256; `none`: there are none."""
    head_init: Annotated[list[Literal["small", "timm", "zero"]], *Choice] = Field(["small"])
    """What the classifier is drawn from; `small`: N(0, 0.01); `timm`: as the architecture has it;
    `zero`: nothing, all classes are as likely at first."""
    stochastic_depth: Annotated[list[Annotated[float, Field(ge=0, lt=1)]], *Choice] = Field([0.0])
    """Probability that a residual branch is dropped in training; of the last one, falling to 0 at
    the stem; 0.0: none beyond the network's own."""
    distillation: Annotated[list[Annotated[float, Field(ge=0)]], *Choice] = Field([0.0])
    """Weight of the champion's answers as soft targets, as 1.0; beside the loss; it is the network
    that training starts from, with `base.source: champion`, and sees what trains; 0.0: none."""
    distillation_temperature: Annotated[list[Annotated[float, Field(gt=0)]], *Choice] = Field([2.0])
    """Of those answers and the network's own; outputs are divided by it, so that small
    probabilities count."""
    ema: Annotated[list[Annotated[float, Field(ge=0, lt=1)]], *Choice] = Field([0.0])
    """Decay of an exponential moving average of the weights, as 0.999; it is validated and kept in
    the weights' place; a short fit reaches a lower decay; 0.0: none."""
    head_start: Annotated[list[Literal["drawn", "probe"]], *Choice] = Field(["drawn"])
    """What the head starts from; `drawn`: random numbers; `probe`: a logistic regression on what
    the pretrained network makes of the training images (LP-FT: Kumar et al., ICLR 2022)."""
    optimizer: Annotated[list[Annotated[str, Field(min_length=1)]], *Choice] = Field(["adamw"])
    """By timm's name, such as adamw, sgd, lamb or lion; those of its list that run on torch alone
    and need first derivatives alone; rates that suit one are far off for another."""
    momentum: Annotated[list[Annotated[float, Field(ge=0, lt=1)]], *Choice] = Field([0.9])
    """Of optimizers that have one, such as sgd."""
    schedule: Annotated[list[Schedule], *Choice] = Field(["cosine"])
    """How the rate goes after its rise; `constant`; `cosine`: half of one, to zero; `step`: three
    levels, each a tenth of the last; `exponential`: to a hundredth; `plateau`: a tenth each time
    that validation got no better for two epochs; `cyclic`: three triangles down to a quarter (Smith
    2017); `one_cycle`: up and down along cosines, as torch has it, the rise as long as `warm_up`;
    `warm_restarts`: three half cosines, each twice as long (Loshchilov & Hutter 2017); `train` uses
    the same."""
    warm_up: Annotated[list[Annotated[float, Field(ge=0, lt=1)]], *Choice] = Field([0.1])
    """Fraction of the steps in which the rate rises from zero; 0.0: none (Goyal et al. 2017)."""
    backbone_rate: Annotated[
        list[Literal["auto"] | Annotated[float, Field(gt=0, le=1)]],
        *Choice,
        AfterValidator(auto_alone),
    ] = Field([AUTO])
    """Factor on the rate of everything below the head; beside `layer_decay`, which goes on from
    there; 1.0: one rate for all; `auto`: by the kind of the network, the optimizer and what is
    frozen, 1.0 for convolutions with batch normalisation and 0.003 or more for transformers; and
    1.0 where both ends of `learning_rate` are given."""
    l1: Annotated[list[Annotated[float, Field(ge=0)]], *Choice] = Field([0.0])
    """Factor on the sum of the trained weights' absolute values; it is added to the loss; biases
    and norms are left out (Tibshirani 1996); 0.0: none."""
    l2_sp: Annotated[list[Annotated[float, Field(ge=0)]], *Choice] = Field([0.0])
    """Pulls everything below the head to where it started, as 0.01 does; in place of the decay to
    zero there: half the squared distance times this is added to the loss (Li et al. 2018,
    arXiv:1802.01483); 0.0: not at all."""
    clip_norm: Annotated[list[Annotated[float, Field(ge=0)]], *Choice] = Field([0.0])
    """The gradients' norm at most; over all that trains (Pascanu et al. 2013); 0.0: any."""
    accumulation: Annotated[list[Annotated[int, Field(ge=1)]], *Choice] = Field([1])
    """Parts in which each batch is taken, to save memory; their gradients are added, so the step is
    that of the whole batch, but batch normalisation sees the parts; it doubles where memory runs
    out; `train` uses the same."""
    gradient_checkpointing: Annotated[list[bool], *Choice] = Field([False])
    """Computes activations anew in the backward pass; a third more time for less memory and the
    same gradients (Chen et al. 2016, arXiv:1604.06174); `train` uses the same."""
    loss: Annotated[list[Literal["cross_entropy", "focal"]], *Choice] = Field(["cross_entropy"])
    """What training lowers; `focal`: what is already right counts less."""
    focal_gamma: Annotated[list[Annotated[float, Field(ge=0)]], *Choice] = Field([2.0])
    """How much less, with loss `focal`; 0.0 is the cross-entropy."""
    class_weights: Annotated[list[ClassWeights], *Choice] = Field(["none"])
    """Of the classes in the loss, `none`, `balanced`, or {class: weight}; `balanced`: each class
    counts the same in all, however many images it has; a class without a weight has 1.0."""
    sampling: Annotated[list[Literal["shuffled", "balanced"]], *Choice] = Field(["shuffled"])
    """What an epoch draws; `shuffled`: each once; `balanced`: each class equally often, an
    epoch as long as ever."""
    curriculum: Annotated[list[Annotated[float, Field(ge=0, le=1)]], *Choice] = Field([0.0])
    """Fraction of the epochs in which hard images come in by and by; hard is what a classifier on
    pretrained features finds hard; 0.0: all are in at once."""
    start: Annotated[list[Literal["base", "package"]], *Choice] = Field(["base", "package"])
    """What training starts from with `base.source: champion`; `base`: the champion; `package`: the
    packaged weights, where they are of its network; networks that train on from earlier weights may
    end lower than from the ones before (Ash and Adams, NeurIPS 2020): validation decides."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Of everything drawn here; each trial derives its own."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where the network runs; `auto` takes CUDA or MPS where there is one."""
    precision: Literal["auto", "off", "bf16"] = "auto"
    """`auto` is bfloat16 on CUDA; `off`: float32 everywhere; `bf16`: bfloat16 also on a CPU, which
    is faster on one with AMX alone; weights stay float32."""
    workers: Annotated[int, Field(ge=0)] = 0
    """Processes that prepare images; 0 is best on few cores."""

    no_effect: ClassVar = RULES

    @model_validator(mode="after")
    def _settings_in_range(self) -> Self:
        given = self.learning_rate
        low, high = rate_range(given.low, given.high, self.optimizer[0])
        lowest, highest = self.freeze_depth.low, self.freeze_depth.high
        for setting in self.enqueue:
            if not low <= setting.learning_rate <= high:
                raise ValueError(
                    f"enqueue: a learning_rate must lie in learning_rate.low to high, "
                    f"{low:g} to {high:g}, but is {setting.learning_rate:g}"
                )
            freeze_depth = setting.freeze_depth
            if _surely_above(lowest, freeze_depth) or _surely_above(freeze_depth, highest):
                raise ValueError(
                    f"enqueue: a freeze_depth must lie in freeze_depth.low to high, {lowest} to "
                    f"{highest}, but is {freeze_depth}"
                )
        return self

    @model_validator(mode="after")
    def _parts_are_of_two_images(self) -> Self:
        most = max(self.accumulation)
        if self.batch_size != "auto" and self.batch_size < FEWEST_ROWS * most:
            raise ValueError(
                f"accumulation must leave {FEWEST_ROWS} images or more in each part of a batch of "
                f"{self.batch_size}, but is {most}"
            )
        return self

    @model_validator(mode="after")
    def _settings_differ_and_fit(self) -> Self:
        number = len(self.enqueue)
        if len({tuple(setting.model_dump().items()) for setting in self.enqueue}) < number:
            raise ValueError("enqueue: each setting must be named once, but one is named twice")
        if self.strategy == "tpe" and number > self.max_trials:
            raise ValueError(
                f"max_trials must be {number} or more with strategy tpe, since enqueue holds so "
                f"many settings, but is {self.max_trials}"
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
