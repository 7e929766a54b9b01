"""Weights as a source gives them, and whether they fit the architecture they are for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from inspect import signature
from math import inf, isfinite
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
LOADING = frozenset(signature(timm.create_model).parameters) - {"model_name", "kwargs"}
"""Arguments with which timm fetches or opens other weights: none that a file of weights may set."""
CHANNELS = 3


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
        _check_stated(self.arguments, self.mean, self.std)
        _check_numbers(self.state)
        model = _empty(self.architecture, self.arguments)
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


def _check_stated(
    arguments: Mapping[str, Any], mean: tuple[float, ...], std: tuple[float, ...]
) -> None:
    """See that what a file states of itself opens nothing else and can be computed with."""
    odd = [name for name in arguments if name in LOADING]
    odd += [name for name, v in arguments.items() if not isinstance(v, bool | int | float | str)]
    if odd:
        raise DataError(
            "weights may state numbers, truth values and words for the architecture they are for, "
            f"but state {', '.join(f'{name}={arguments[name]!r}' for name in odd)}. Save them "
            "without."
        )
    for name, values, least in (("mean", mean, -inf), ("std", std, 0.0)):
        numbers = [v for v in values if isinstance(v, int | float) and isfinite(v) and v > least]
        if values and len(numbers) != CHANNELS:
            raise DataError(
                f"the weights' {name} must be {CHANNELS} numbers{' above 0' * (name == 'std')}, "
                f"but is {values!r}. Save them with the right one."
            )


def _check_numbers(state: State) -> None:
    for name, value in state.items():
        if value.is_floating_point() and not value.isfinite().all():
            raise DataError(
                f"weights must be finite numbers, but {name} holds others: the training that made "
                "them diverged. Take another file."
            )


def _empty(architecture: str, arguments: Mapping[str, Any]) -> Any:  # noqa: ANN401  # timm has no types
    try:
        return timm.create_model(architecture, **arguments)
    except (AssertionError, RuntimeError, TypeError, ValueError) as error:
        raise DataError(
            f"{architecture} must take the arguments that its weights state, {dict(arguments)}, "
            f"but does not: {error}. Save them with others."
        ) from None


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
