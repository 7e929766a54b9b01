"""Weights of a file: .safetensors, .pth or .pt; no code in it is ever run."""

import json
import pickle
import warnings
from ast import literal_eval
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from components.frame.errors import DataError, UsageError
from components.model.weights.place import file_of
from components.model.weights.pretrained import AUTO, PretrainedWeights, State


def local(source: str, architecture: str) -> PretrainedWeights:
    """A file's weights, for the architecture that it states or that is named.

    Raises:
        UsageError: it states none, and none is named.
        DataError: it is no whole file of weights, or is for another architecture than the named.
    """
    path = file_of(source)
    state, facts = load(path)
    stated = facts.pop("architecture", architecture)
    if stated == AUTO:
        raise UsageError(
            f"params/base.yaml: architecture must be named, since {path.name} does not state it. "
            "Name timm's model: thawline run --set base.architecture=NAME"
        )
    if architecture not in (AUTO, stated):
        raise DataError(
            f"params/base.yaml: architecture must be `auto` or {stated!r}, which {path.name} "
            f"holds, but is {architecture!r}."
        )
    return PretrainedWeights(state=state, architecture=stated, **{"source": path.name, **facts})


def load(path: Path) -> tuple[State, dict[str, Any]]:
    """A file's tensors, and what it states of them in the words of `PretrainedWeights`.

    Raises:
        DataError: it is no whole file of weights.
    """
    try:
        if path.suffix == ".safetensors":
            with safe_open(path, framework="pt") as file:
                stated = _facts(file.metadata() or {})
                return {key: file.get_tensor(key) for key in file.keys()}, stated  # noqa: SIM118  # not a mapping
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of old pickle protocols, which are refused or fine
            state = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError, ValueError):
        raise DataError(
            f"{path} must be a whole file of weights and nothing else, but it is damaged or "
            "holds code. Fetch it again, or have its owner save it as safetensors."
        ) from None
    return _state_dict(path, state), {}


def _state_dict(path: Path, state: Any) -> State:  # noqa: ANN401  # whatever the file holds
    state = state.get("state_dict", state.get("model", state)) if isinstance(state, dict) else {}
    if not state or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise DataError(f"{path} must hold a state dict of tensors. Save model.state_dict().")
    return dict(state)


def _facts(stated: dict[str, str]) -> dict[str, Any]:
    """What a safetensors file's own metadata tells."""
    facts: dict[str, Any] = {}
    if "arch" in stated:
        facts["architecture"] = stated["arch"]
    for key in ("mean", "std"):
        if key in stated:
            facts[key] = tuple(json.loads(stated[key].replace("(", "[").replace(")", "]")))
    facts |= {key: stated[key] for key in ("source", "licence") if key in stated}
    pairs = (pair.split("=") for pair in stated.get("create_kwargs", "").split(",") if pair)
    facts["arguments"] = {key: _literal(value) for key, value in pairs if key != "num_classes"}
    return facts


def _literal(text: str) -> Any:  # noqa: ANN401  # whatever Python writes
    """A number or truth value as what it is, a bare word as text."""
    try:
        return literal_eval(text)
    except (ValueError, SyntaxError):
        return text
