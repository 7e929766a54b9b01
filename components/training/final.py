"""The final training: the setting that the search chose, until validation gets no better."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from torch import nn

from components.frame import files
from components.frame.tables import write_csv
from components.frame.work import Work
from components.model.description import NetworkDescription
from components.model.device import DeviceName, Precision, choose_device
from components.tasks.registry import described
from components.training.feed import ImageFeed
from components.training.fit import fit
from components.training.history import Fit
from components.training.images import Images, check_batch_size
from components.training.inputs import Inputs
from components.training.pretrained import Pretrained
from components.training.progress import EpochReport, tell_device
from components.training.recipe import Best, Recipe
from components.training.soup import Soup


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
    soup: Literal["none", "greedy"],
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
    model = pretrained.network(seed)
    fitted = fit(
        model,
        pretrained.groups,
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
        soup=soup == "greedy",
    )
    _write_weights(model, outputs.weights)
    _describe(chosen, images, pretrained).write(outputs.network)
    write_csv(outputs.history, pd.DataFrame(fitted.history))
    files.write_json(outputs.training, _summary(fitted, images.task.score_name))


def _write_weights(model: nn.Module, path: Path) -> None:
    state = {name: value.cpu().contiguous() for name, value in sorted(model.state_dict().items())}
    files.write_tensors(path, state)


def _describe(chosen: Best, images: Images, pretrained: Pretrained) -> NetworkDescription:
    """All that is needed to use the weights: network, task and transform; and where from."""
    setting, config = chosen.setting, pretrained.config
    return NetworkDescription(
        architecture=config.architecture,
        arguments=config.arguments,
        task=described(images.task),
        transform=images.transform.to_dict(),
        freeze_depth=setting.freeze_depth,
        layer=chosen.layer,
        trained_fraction=pretrained.fractions[setting.freeze_depth],
        learning_rate=setting.learning_rate,
        base=config.origin,
    )


def _summary(fitted: Fit, score_name: str) -> dict[str, Any]:
    """What `dvc metrics` shows, the score under the name that people read; of what was kept."""
    best, kept = fitted.best, fitted.validation
    return {
        "epochs": len(fitted.history),
        "kept_epoch": best.epoch,
        f"validation_{score_name}": kept.score,
        f"validation_{score_name}_error": kept.error,
        "validation_loss": kept.loss,
        f"train_{score_name}": best.train_score,
        "parts_of_a_batch": fitted.parts,
        "techniques": dict(fitted.techniques),
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


def _soup(soup: Soup | None) -> dict[str, Any]:
    """What was averaged, where that was asked for."""
    if soup is None:
        return {}
    return {"soup": {"epochs": list(soup.epochs), "fraction": soup.fraction}}
