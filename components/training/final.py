"""The final training: the setting that the search chose, until validation gets no better."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from torch import nn

from components.data.images.augmentation import mirrors
from components.data.images.transform import MIRRORED, Transform
from components.frame import files
from components.frame.errors import UsageError
from components.frame.tables import write_csv
from components.frame.work import Work
from components.model.audit import GroupReport
from components.model.description import NetworkDescription
from components.model.device import DeviceName, Precision, choose_device
from components.model.groups import groups
from components.model.hidden_layers import NO_LAYERS
from components.tasks.registry import described
from components.training.difficulty import image_losses
from components.training.fallback import linear_model
from components.training.feed import ImageFeed
from components.training.fit import fit
from components.training.history import Fit
from components.training.images import Images, check_batch_size
from components.training.inputs import Inputs
from components.training.pretrained import Pretrained
from components.training.probe import Probe, fit_head
from components.training.progress import EpochReport, tell_device
from components.training.recipe import Best, Recipe, Setting
from components.training.samplers import Sampling
from components.training.soup import Soup
from components.training.subset import subset as part_of
from components.training.validate import Validated
from components.training.world import ALONE, World


@dataclass(frozen=True, kw_only=True)
class TrainOutputs:
    """What the final training writes."""

    weights: Path
    network: Path
    history: Path
    training: Path


def fine_tune(
    inputs: Inputs,
    outputs: TrainOutputs,
    best: Path,
    work: Work,
    *,
    epochs: int,
    patience: int | None,
    soup: Literal["none", "greedy"],
    seed: int,
    device: DeviceName,
    precision: Precision,
    workers: int,
    subset: float,
    test_time_views: int,
    fallback: Literal["linear", "none"],
    world: World = ALONE,
) -> None:
    """Train with the setting in `best` and keep the weights of the best epoch.

    Of the processes of `world` the first one alone writes.

    Raises:
        UsageError: the mirror image is to be a view, but training sees none.
    """
    chosen = Best.read(best)
    images, pretrained = inputs.opened("train", work)
    _check_views(test_time_views, images)
    images = part_of(images, subset, seed, "params/train.yaml")
    check_batch_size(chosen.batch_size, images, str(best))
    fraction, where = pretrained.fractions[chosen.setting.freeze_depth], choose_device(device)
    print(f"trained from {chosen.layer} on ({fraction:.1%} of the parameters)")
    tell_device(work.events, where, precision)
    report = EpochReport(work.events, "train", images.task, trial=None, epochs=epochs)
    report.tell_resumption()
    model = pretrained.network(seed, chosen.setting)
    probe = None
    if chosen.setting.head_start == "probe":
        probe = fit_head(
            model,
            images,
            batch_size=chosen.batch_size,
            device=where,
            precision=precision,
            workers=workers,
            asked=chosen.setting.loss_request,
        )
        probe.put(model)
        print(f"the head starts from a linear model of {probe.images:,} images")
    losses = partial(
        image_losses,
        model.to(where),
        images.train,
        batch_size=chosen.batch_size,
        workers=workers,
    )
    sampling = world.agreed(lambda: Sampling.of(chosen.setting, epochs, losses))
    fitted = fit(
        model,
        groups(model),
        ImageFeed(
            images=images,
            batch_size=chosen.batch_size,
            magnitude=chosen.setting.magnitude,
            seed=seed,
            workers=workers,
            sampling=sampling,
        ),
        images.task,
        Recipe(
            setting=chosen.setting,
            epochs=epochs,
            patience=patience or epochs,
            seed=seed,
            precision=precision,
        ),
        device=where,
        keep=work.folder / "epoch.safetensors",
        keep_best=True,
        on_epoch=report,
        soup=soup == "greedy",
        world=world,
    )
    if not world.first:
        return
    summary = _summary(fitted, images.task.score_name, probe) | {"processes": world.size}
    transform = replace(images.transform, views=test_time_views)
    described = _describe(chosen, images, pretrained, transform, fitted)
    if fallback == "linear" and (
        other := linear_model(
            pretrained.starting(chosen.setting),
            images,
            seed=seed,
            batch_size=chosen.batch_size,
            device=where,
            precision=precision,
            workers=workers,
            asked=chosen.setting.loss_request,
            probe=probe,
        )
    ):
        print(other.sentence(fitted.validation, images.task))
        summary["fallback"] = other.in_force(fitted.validation, images.task)
        if other.leads(fitted.validation):
            model, summary = other.model, summary | _reached(other.reached, images.task.score_name)
            described = _of_the_head(described, pretrained)
    _write_weights(model, outputs.weights)
    described.write(outputs.network)
    write_csv(outputs.history, pd.DataFrame(fitted.history))
    data = _data(chosen.setting, images, sampling)
    files.write_json(outputs.training, summary | {"data": data})


def _check_views(views: int, images: Images) -> None:
    if views == MIRRORED and not mirrors(images.family):
        raise UsageError(
            "params/train.yaml: test_time_views must be 1 or 4 where training mirrors no image, "
            f"but is {views}: a mirror image may be another thing. Where it is not, set "
            "augment.horizontal_flip=true."
        )


def _write_weights(model: nn.Module, path: Path) -> None:
    state = {name: value.cpu().contiguous() for name, value in sorted(model.state_dict().items())}
    files.write_tensors(path, state)


def _describe(
    chosen: Best, images: Images, pretrained: Pretrained, transform: Transform, fitted: Fit
) -> NetworkDescription:
    """All that is needed to use the weights: network, task and transform; and where from."""
    setting = chosen.setting
    config = pretrained.starting(setting).config
    return NetworkDescription(
        architecture=config.architecture,
        arguments=config.arguments,
        task=described(images.task),
        transform=transform.to_dict(),
        freeze_depth=setting.freeze_depth,
        layer=chosen.layer,
        trained_fraction=_trained_fraction(fitted.audit),
        learning_rate=setting.learning_rate,
        base=config.origin,
        head_layers=setting.head_layers,
    )


def _of_the_head(trained: NetworkDescription, pretrained: Pretrained) -> NetworkDescription:
    """The same of a network whose head alone is not as it was pretrained."""
    return replace(
        trained,
        freeze_depth=len(pretrained.layers) - 1,
        layer=pretrained.layers[-1],
        trained_fraction=pretrained.fractions[-1],
        head_layers=NO_LAYERS,
    )


def _data(setting: Setting, images: Images, sampling: Sampling) -> dict[str, Any]:
    """How many images were trained on, how they were drawn, and how they counted."""
    loss = images.task.loss(setting.loss_request, images.train.targets)
    drawn = {"images": len(images.train), **sampling.in_force()}
    return {**drawn, "loss": setting.loss, **loss.in_force()}


def _trained_fraction(audit: Sequence[GroupReport]) -> float:
    """Of the parameters, adapters among them, those that trained, with four digits."""
    trained = sum(report.trained for report in audit)
    return round(trained / sum(report.parameters for report in audit), 4)


def _summary(fitted: Fit, score_name: str, probe: Probe | None) -> dict[str, Any]:
    """What `dvc metrics` shows, the score under the name that people read; of what was kept."""
    best, kept = fitted.best, fitted.validation
    start = {"head_start": probe.in_force()} if probe else {}
    return {
        "epochs": len(fitted.history),
        "kept_epoch": best.epoch,
        **_reached(kept, score_name),
        f"train_{score_name}": best.train_score,
        "parts_of_a_batch": fitted.parts,
        "techniques": start | dict(fitted.techniques),
        **_soup(fitted.soup),
        "groups": [
            {
                "name": report.name,
                "parameters": report.parameters,
                "trained": report.trained,
                "batch_norm": report.batch_norm,
            }
            for report in fitted.audit
        ],
    }


def _reached(kept: Validated, score_name: str) -> dict[str, float]:
    """What the network that is kept reaches on validation."""
    return {
        f"validation_{score_name}": kept.score,
        f"validation_{score_name}_error": kept.error,
        "validation_loss": kept.loss,
    }


def _soup(soup: Soup | None) -> dict[str, Any]:
    """What was averaged, where that was asked for."""
    if soup is None:
        return {}
    return {"soup": {"epochs": list(soup.epochs), "fraction": soup.fraction}}
