"""Fine-tune the network with the settings that the search chose."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from components.frame import files
from components.frame.params import Params
from components.frame.spec import In, Out
from components.frame.stage import run
from components.frame.work import Work

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

    from components.data.images.pictures import Images
    from components.model.description import NetworkDescription
    from components.training.history import Fit
    from components.training.pretrained import Pretrained
    from components.training.recipe import Recipe


class TrainParams(Params):
    """How long to train; what else there is to choose, the search chose."""

    epochs: Annotated[int, Field(ge=1)]
    """At most; the schedule of the rate is as long."""
    patience: Annotated[int, Field(ge=1)]
    """Epochs without a better validation accuracy after which training ends."""
    seed: Annotated[int, Field(ge=0)]
    """Of the head, the order of the images, their augmentation and dropout."""
    device: Literal["auto", "cpu", "cuda", "mps"]
    """`auto` takes CUDA or MPS where there is one."""
    precision: Literal["auto", "off"]
    """`auto`: bfloat16 on CUDA; `off`: float32 everywhere."""
    workers: Annotated[int, Field(ge=0)]
    """Processes that prepare images; 0 is best on few cores."""


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
    """Train with the best trial's settings and keep the weights of the best epoch."""
    import pandas as pd

    from components.data.images.pictures import open_images
    from components.frame.tables import write_csv
    from components.training.feed import check_batch_size
    from components.training.pretrained import Pretrained
    from components.training.report import Progress

    settings = files.read_yaml(best)
    decoding = Progress(work.events, "train", "decoded")
    images = open_images(splits, raw, augmentation, work.cache, decoding)
    check_batch_size(settings["batch_size"], images, str(best))
    pretrained = Pretrained.read(model, config, len(images.classes), images.transform.size)
    freeze_depth = settings["freeze_depth"]
    print(
        f"trained from {pretrained.layers[freeze_depth]} on "
        f"({pretrained.fractions[freeze_depth]:.0%} of the parameters)"
    )
    trained, fitted = _fit(params, settings, images, pretrained, work)
    _write_weights(trained, weights)
    _describe(settings, images, pretrained).write(network)
    epochs = pd.DataFrame(fitted.history)
    epochs = epochs.rename(columns=lambda name: str(name).replace("accuracy", "score"))
    score = epochs["validation_score"]
    epochs["validation_score_error"] = (score * (1 - score) / len(images.val)) ** 0.5
    write_csv(history, epochs)
    files.write_json(training, _summary(fitted))


def _fit(
    params: TrainParams,
    settings: dict[str, Any],
    images: "Images",
    pretrained: "Pretrained",
    work: Work,
) -> "tuple[nn.Module, Fit]":
    from components.model.device import choose_device
    from components.training.feed import ImageFeed
    from components.training.fit import fit
    from components.training.report import EpochReport, tell_device

    feed = ImageFeed(
        images, settings["batch_size"], settings["magnitude"], params.seed, params.workers,
        mixup=settings["mixup"],
    )  # fmt: skip
    device = choose_device(params.device)
    tell_device(work.events, device, params.precision)
    model = pretrained.network(params.seed)
    fitted = fit(
        model, pretrained.groups, feed, _recipe(params, settings),
        device=device,
        keep=work.folder / "epoch.safetensors", keep_best=True,
        on_epoch=EpochReport(work.events, "train", trial=None, epochs=params.epochs),
    )  # fmt: skip
    return model, fitted


def _recipe(params: TrainParams, settings: dict[str, Any]) -> "Recipe":
    from components.training.recipe import Recipe

    return Recipe(
        settings["freeze_depth"], settings["learning_rate"], settings["weight_decay"],
        settings["label_smoothing"], params.epochs, params.patience, params.seed,
        params.precision, settings["layer_decay"], settings["head_dropout"],
    )  # fmt: skip


def _write_weights(model: "nn.Module", path: "Path") -> None:
    state = {name: value.cpu().contiguous() for name, value in sorted(model.state_dict().items())}
    files.write_tensors(path, state)


def _describe(
    settings: dict[str, Any], images: "Images", pretrained: "Pretrained"
) -> "NetworkDescription":
    """All that is needed to use the weights: network, task and transform; and where from."""
    from components.model.description import NetworkDescription
    from components.tasks.classification import Classification
    from components.tasks.registry import described

    freeze_depth = settings["freeze_depth"]
    return NetworkDescription(
        architecture=pretrained.config.architecture,
        arguments=pretrained.config.arguments,
        task=described(Classification(images.classes)),
        transform=images.transform.to_dict(),
        freeze_depth=freeze_depth,
        layer=pretrained.layers[freeze_depth],
        trained_fraction=round(pretrained.fractions[freeze_depth], 4),
        learning_rate=settings["learning_rate"],
        base=pretrained.config.origin,
    )


def _summary(fitted: "Fit") -> dict[str, Any]:
    best = fitted.best
    return {
        "epochs": len(fitted.history),
        "kept_epoch": best.epoch,
        "validation_accuracy": best.validation_accuracy,
        "validation_loss": best.validation_loss,
        "train_accuracy": best.train_accuracy,
        "parts_of_a_batch": fitted.parts,
        "groups": [
            {"name": report.name, "parameters": report.parameters, "trained": report.trained,
             "batch_norm": report.batch_norm}
            for report in fitted.audit
        ],
    }  # fmt: skip


if __name__ == "__main__":
    run(train)
