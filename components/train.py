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

    epochs: Annotated[int, Field(ge=1)] = 10
    """Epochs, at most; the schedule of the rate is as long."""
    patience: Annotated[int, Field(ge=1)] = 4
    """Epochs without a better validation score, after which training ends; as many as `epochs`:
    never early."""
    soup: Literal["none", "greedy"] = "none"
    """Averages the weights of the best epochs; `greedy`: as far as validation gets better by
    it, and then with those that training started from; the statistics of batch normalisation are
    taken anew."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Of the head, the order of the images, their augmentation and dropout."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where the network runs; `auto` takes CUDA or MPS where there is one."""
    precision: Literal["auto", "off"] = "auto"
    """`auto` is bfloat16 on CUDA; `off`: float32 everywhere."""
    workers: Annotated[int, Field(ge=0)] = 0
    """Processes that prepare images; 0 is best on few cores."""

    no_effect: ClassVar = (
        NoEffect(
            parameter="train.patience",
            beside="train.epochs",
            holds=lambda patience, epochs: patience > epochs,
            why="training ends before; as many as epochs means never early",
            remedy="train.epochs to as many or more",
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
    from components.training.final import TrainOutputs, fine_tune
    from components.training.inputs import Inputs

    fine_tune(
        Inputs(splits=splits, raw=raw, model=model, config=config, augmentation=augmentation),
        TrainOutputs(weights=weights, network=network, history=history, training=training),
        best,
        work,
        **params.model_dump(),
    )


if __name__ == "__main__":
    run(train)
