"""What the final training leaves: the weights, what they are, and how it went."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
from torch import nn

from components.data.images.transform import Transform
from components.frame import files
from components.frame.tables import write_csv
from components.model.audit import GroupReport
from components.model.description import NetworkDescription
from components.model.hidden_layers import NO_LAYERS
from components.tasks.registry import described
from components.training.fallback import Fallback
from components.training.history import Fit
from components.training.images import Images
from components.training.pretrained import Pretrained
from components.training.probe import Probe
from components.training.recipe import Best
from components.training.samplers import Sampling
from components.training.soup import Soup
from components.training.validate import Validated


@dataclass(frozen=True, kw_only=True)
class TrainOutputs:
    """What the final training writes."""

    weights: Path
    network: Path
    history: Path
    training: Path


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a training ended."""

    chosen: Best
    images: Images
    pretrained: Pretrained
    transform: Transform
    """Which the network serves with."""
    model: nn.Module
    fitted: Fit
    probe: Probe | None
    """What the head started from, unless it was drawn."""
    sampling: Sampling
    fallback: Fallback | None
    """What else there is to keep."""
    processes: int

    def write(self, outputs: TrainOutputs) -> None:
        """Write what is kept: what was trained, or the linear model where that leads."""
        _write_weights(self._kept.model if self._kept else self.model, outputs.weights)
        self._description().write(outputs.network)
        write_csv(outputs.history, pd.DataFrame(self.fitted.history))
        files.write_json(outputs.training, self._told())

    @property
    def _kept(self) -> Fallback | None:
        """The linear model, if it is that which is kept."""
        leads = self.fallback and self.fallback.leads(self.fitted.validation)
        return self.fallback if leads else None

    def _description(self) -> NetworkDescription:
        """All that is needed to use the weights: network, task and transform; and where from."""
        setting = self.chosen.setting
        config = self.pretrained.starting(setting).config
        trained = NetworkDescription(
            architecture=config.architecture,
            arguments=config.arguments,
            task=described(self.images.task),
            transform=self.transform.to_dict(),
            freeze_depth=setting.freeze_depth,
            layer=self.chosen.layer,
            trained_fraction=_trained_fraction(self.fitted.audit),
            learning_rate=setting.learning_rate,
            base=config.origin,
            head_layers=setting.head_layers,
        )
        return _of_the_head(trained, self.pretrained) if self._kept else trained

    def _told(self) -> dict[str, Any]:
        """What `dvc metrics` shows, the scores under the name that people read."""
        task, reached = self.images.task, self.fitted.validation
        told = _summary(self.fitted, task.score_name, self.probe) | {"processes": self.processes}
        if self.fallback:
            told["fallback"] = self.fallback.in_force(reached, task)
        if self._kept:
            told |= _reached(self._kept.reached, task.score_name)
        return told | {"data": self._data()}

    def _data(self) -> dict[str, Any]:
        """How many images were trained on, how they were drawn, and how they counted."""
        setting, train = self.chosen.setting, self.images.train
        loss = self.images.task.loss(setting.loss_request, train.targets)
        drawn = {"images": len(train), **self.sampling.in_force()}
        return {**drawn, "loss": setting.loss, **loss.in_force()}


def _write_weights(model: nn.Module, path: Path) -> None:
    state = {name: value.cpu().contiguous() for name, value in sorted(model.state_dict().items())}
    files.write_tensors(path, state)


def _of_the_head(trained: NetworkDescription, pretrained: Pretrained) -> NetworkDescription:
    """The same of a network whose head alone is not as it was pretrained."""
    return replace(
        trained,
        freeze_depth=len(pretrained.layers) - 1,
        layer=pretrained.layers[-1],
        trained_fraction=pretrained.fractions[-1],
        head_layers=NO_LAYERS,
    )


def _trained_fraction(audit: Sequence[GroupReport]) -> float:
    """Of the parameters, adapters among them, those that trained, with four digits."""
    trained = sum(report.trained for report in audit)
    return round(trained / sum(report.parameters for report in audit), 4)


def _summary(fitted: Fit, score_name: str, probe: Probe | None) -> dict[str, Any]:
    """How the training went, and what it reached."""
    start = {"head_start": probe.in_force()} if probe else {}
    return {
        "epochs": len(fitted.history),
        "kept_epoch": fitted.best.epoch,
        **_reached(fitted.validation, score_name),
        f"train_{score_name}": fitted.best.train_score,
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
