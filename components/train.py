"""Fine-tune the network with the setting that the search chose."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from components.frame.effects import NoEffect
from components.frame.params import Params
from components.frame.spec import In, Out
from components.frame.stage import run
from components.frame.work import Work


class TrainParams(Params):
    """How long to train; what else there is to choose, the search chose."""

    epochs: Annotated[int, Field(ge=1)] = 24
    """Epochs, at most; the schedule of the rate is as long."""
    patience: Annotated[int, Field(ge=1)] | None = None
    """Epochs without a better validation score, after which training ends; `null`: never early; the
    best epochs of a schedule are its last ones."""
    subset: Annotated[int, Field(ge=1)] | Annotated[float, Field(gt=0, le=1)] = 1.0
    """Of the images to train on, for a quick look; a fraction up to 1.0, or a whole number of
    images; each class keeps its fraction; validation has all."""
    soup: Literal["none", "greedy"] = "none"
    """Averages the weights of the best epochs; `greedy`: as far as validation gets better by
    it, and then with those that training started from; the statistics of batch normalisation are
    taken anew."""
    fallback: Literal["linear", "none"] = "linear"
    """What is kept where training ends below it on validation; `linear`: the pretrained network
    with a logistic regression as its head, which costs one pass over the images."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Of the head, the order of the images, their augmentation and dropout."""
    test_time_views: Literal["auto", 1, 2, 4] = "auto"
    """Of an image to answer by, 1 none but itself; the mean counts, in `evaluate` and wherever the
    model serves, at so many times the cost; 2: it and its mirror image; 4: the corners of it
    enlarged; `auto`: 2 where training mirrors images, else 1; validation while training has
    one."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where the network runs; `auto` takes CUDA or MPS where there is one."""
    precision: Literal["auto", "off", "bf16"] = "auto"
    """`auto` is bfloat16 on CUDA; `off`: float32 everywhere; `bf16`: bfloat16 also on a CPU, which
    is faster on one with AMX alone; weights stay float32."""
    workers: Annotated[int, Field(ge=0)] = 0
    """Processes that prepare images; 0 is best on few cores."""
    processes: Annotated[int, Field(ge=1)] = 1
    """That train together, a GPU each, by `accelerate launch`; each takes its slice of every batch,
    and gradients are added up: steps are those of one process, but batch normalisation sees
    slices; on a CPU for trial alone."""

    no_effect: ClassVar = (
        NoEffect(
            parameter="train.patience",
            beside="train.epochs",
            holds=lambda patience, epochs: patience is not None and patience > epochs,
            why="training ends before",
            remedy="train.epochs to as many or more",
        ),
        NoEffect(
            parameter="train.test_time_views",
            beside="augment.horizontal_flip",
            holds=lambda views, flip: views == 2 and not flip,  # noqa: PLR2004  # the mirror image
            why="training sees no mirror image, which may be another thing",
            remedy="augment.horizontal_flip=true",
        ),
        NoEffect(
            parameter="train.processes",
            beside="train.device",
            holds=lambda processes, device: processes > 1 and device == "mps",
            why="it is one GPU",
            remedy="train.device=cuda",
        ),
    )


def train(
    params: TrainParams,
    *,
    splits: In,
    raw: In,
    model: In,
    config: In,
    augmentation: In,
    best: In,
    weights: Out,
    network: Out,
    history: Out,
    training: Out,
    work: Work,
) -> None:
    """Train with the best trial's setting and keep the weights of the best epoch."""
    from components.training import launch
    from components.training.inputs import Inputs
    from components.training.outcome import TrainOutputs

    launch.train(
        Inputs(splits=splits, raw=raw, model=model, config=config, augmentation=augmentation),
        TrainOutputs(weights=weights, network=network, history=history, training=training),
        best,
        work,
        **params.model_dump(),
    )


if __name__ == "__main__":
    run(train)
