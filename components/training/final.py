"""The final training: the setting that the search chose, until validation gets no better."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from torch import nn

from components.frame import files
from components.frame.tables import write_csv
from components.frame.work import Work
from components.model.audit import GroupReport
from components.model.description import NetworkDescription
from components.model.device import DeviceName, Precision, choose_device
from components.model.groups import groups
from components.tasks.registry import described
from components.training.feed import ImageFeed
from components.training.fit import fit
from components.training.history import Fit
from components.training.images import Images, check_batch_size
from components.training.inputs import Inputs
from components.training.pretrained import Pretrained
from components.training.probe import Probe, fit_head
from components.training.progress import EpochReport, tell_device
from components.training.recipe import Best, Recipe


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
    patience: int,
    seed: int,
    device: DeviceName,
    precision: Precision,
    workers: int,
) -> None:
    """Train with the setting in `best` and keep the weights of the best epoch."""
    chosen = Best.read(best)
    images, pretrained = inputs.opened("train", work)
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
        )
        probe.put(model)
        print(f"the head starts from a linear model of {probe.images:,} images")
    fitted = fit(
        model,
        groups(model),
        ImageFeed(
            images=images,
            batch_size=chosen.batch_size,
            magnitude=chosen.setting.magnitude,
            seed=seed,
            workers=workers,
        ),
        images.task,
        Recipe(
            setting=chosen.setting,
            epochs=epochs,
            patience=patience,
            seed=seed,
            precision=precision,
        ),
        device=where,
        keep=work.folder / "epoch.safetensors",
        keep_best=True,
        on_epoch=report,
    )
    _write_weights(model, outputs.weights)
    _describe(chosen, images, pretrained, fitted).write(outputs.network)
    write_csv(outputs.history, pd.DataFrame(fitted.history))
    files.write_json(outputs.training, _summary(fitted, images.task.score_name, probe))


def _write_weights(model: nn.Module, path: Path) -> None:
    state = {name: value.cpu().contiguous() for name, value in sorted(model.state_dict().items())}
    files.write_tensors(path, state)


def _describe(
    chosen: Best, images: Images, pretrained: Pretrained, fitted: Fit
) -> NetworkDescription:
    """All that is needed to use the weights: network, task and transform; and where from."""
    setting, config = chosen.setting, pretrained.config
    return NetworkDescription(
        architecture=config.architecture,
        arguments=config.arguments,
        task=described(images.task),
        transform=images.transform.to_dict(),
        freeze_depth=setting.freeze_depth,
        layer=chosen.layer,
        trained_fraction=_trained_fraction(fitted.audit),
        learning_rate=setting.learning_rate,
        base=config.origin,
        head_layers=setting.head_layers,
    )


def _trained_fraction(audit: Sequence[GroupReport]) -> float:
    """Of the parameters, adapters among them, those that trained, with four digits."""
    trained = sum(report.trained for report in audit)
    return round(trained / sum(report.parameters for report in audit), 4)


def _summary(fitted: Fit, score_name: str, probe: Probe | None) -> dict[str, Any]:
    """What `dvc metrics` shows, the score under the name that people read."""
    best, start = fitted.best, {"head_start": probe.in_force()} if probe else {}
    return {
        "epochs": len(fitted.history),
        "kept_epoch": best.epoch,
        f"validation_{score_name}": best.validation_score,
        f"validation_{score_name}_error": best.validation_score_error,
        "validation_loss": best.validation_loss,
        f"train_{score_name}": best.train_score,
        "parts_of_a_batch": fitted.parts,
        "techniques": start | dict(fitted.techniques),
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
