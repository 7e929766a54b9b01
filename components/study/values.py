"""What values parameters of the search may have: one or several to choose among, and which."""

import json
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, TypeAdapter, ValidationError


def _several(value: object) -> object:
    """A list as it is, anything else as a list of one."""
    return value if isinstance(value, list) else [value]


def _differ(values: list[float]) -> list[float]:
    if len(set(values)) < len(values):
        raise ValueError(f"must be values to choose among, each once, but is {values}")
    return values


def auto_alone(values: list[object]) -> list[object]:
    """See that `auto` stands for the whole list."""
    if "auto" in values and len(values) > 1:
        raise ValueError(f"must be auto alone, or values to choose among, but is {values}")
    return values


def _hidden_layers_read(text: str) -> str:
    from components.model.hidden_layers import hidden_layers

    hidden_layers(text)
    return text


Choice = BeforeValidator(_several), Field(min_length=1), AfterValidator(_differ)
"""One value, or several to choose among, the baseline first."""


def _as_text(value: object) -> object:
    """Weights by the names of classes as one text, so that they can be a choice like any other."""
    if not isinstance(value, dict):
        return value
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _weights(text: str) -> str:
    if text not in CLASS_WEIGHTS:
        try:
            WEIGHTS.validate_json(text)
        except ValidationError:
            raise ValueError(
                "must be none, balanced or weights above 0 by class, such as {cat: 2.0}, but is "
                f"{text}"
            ) from None
    return text


CLASS_WEIGHTS = ("none", "balanced")
WEIGHTS = TypeAdapter(
    Annotated[dict[str, Annotated[float, Field(gt=0, allow_inf_nan=False)]], Field(min_length=1)]
)
ClassWeights = Annotated[str, BeforeValidator(_as_text), AfterValidator(_weights)]
FEW = 200
"""Validation images below which trials are scored over folds where `folds` is `auto`."""
FOLDS = 5
"""So many then."""
Folds = Literal["auto"] | Annotated[int, Field(ge=1)]
Subset = Annotated[int, Field(ge=1)] | Annotated[float, Field(gt=0, le=1)]
Schedule = Literal[
    "constant", "cosine", "step", "exponential", "plateau", "cyclic", "one_cycle", "warm_restarts"
]
Rate = Literal["auto"] | Annotated[float, Field(gt=0)]
FreezeDepth = Annotated[int, Field(ge=0)] | Annotated[float, Field(ge=0, le=1)] | str
HiddenLayers = Annotated[str, AfterValidator(_hidden_layers_read)]
