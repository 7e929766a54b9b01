"""Weights as a source gives them, and whether they fit the architecture they are for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import timm
import torch
from torch import nn

from components.frame.errors import DataError
from components.model.backbone import check_architecture, classifier_names
from components.model.description import PretrainedDescription

AUTO = "auto"
"""The architecture that the weights themselves state."""
State = dict[str, torch.Tensor]


@dataclass(frozen=True, kw_only=True)
class PretrainedWeights:
    """Weights and what their source states of them."""

    state: State
    architecture: str
    source: str
    """As a person reads it."""
    licence: str = "unknown"
    arguments: Mapping[str, Any] = field(default_factory=dict)
    """Of `timm.create_model`, besides the name."""
    mean: tuple[float, ...] = ()
    """Of the images they were trained on; empty: as timm has it for the architecture."""
    std: tuple[float, ...] = ()

    def describe(self, sha256: str) -> PretrainedDescription:
        """The weights' description, once they are known to fit their architecture.

        Raises:
            DataError: they do not.
        """
        check_architecture(self.architecture.split(".")[0])
        model = timm.create_model(self.architecture, **self.arguments)
        heads = tuple(f"{part}." for part in classifier_names(model))
        _check_fit(self.state, model, heads, self.architecture)
        outputs = [value.shape[0] for key, value in self.state.items() if key.startswith(heads)]
        stated = model.pretrained_cfg
        return PretrainedDescription(
            architecture=self.architecture,
            arguments=self.arguments,
            mean=self.mean or tuple(stated["mean"]),
            std=self.std or tuple(stated["std"]),
            input_size=tuple(stated["input_size"]),
            fixed_input_size=bool(stated.get("fixed_input_size")),
            classes=outputs[0] if outputs else 0,
            source=self.source,
            licence=self.licence,
            sha256=sha256,
        )


def _check_fit(state: State, model: nn.Module, heads: tuple[str, ...], name: str) -> None:
    """See that names and shapes agree, the classifier's aside."""
    body = _shapes(model.state_dict(), heads)
    given = _shapes(state, heads)
    if body == given:
        return
    faults = [key for key in sorted({*body, *given}) if body.get(key) != given.get(key)]
    raise DataError(
        f"the weights must fit {name}, but {len(faults)} of {len(body)} entries do not, such as "
        f"{faults[0]}. Name the architecture they are for: base.architecture"
    )


def _shapes(state: Mapping[str, torch.Tensor], heads: tuple[str, ...]) -> dict[str, torch.Size]:
    return {key: value.shape for key, value in state.items() if not key.startswith(heads)}
