"""A fit's whole state at the end of an epoch, as one safetensors file: whole or not at all."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import nn

from components.frame import files
from components.frame.errors import DataError

Tensors = dict[str, torch.Tensor]
PARTS = ("model", "best", "moments", "techniques")
META = "state"
"""The one metadata key: several would be written in random order."""


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """What a killed fit needs to go on as if nothing had been."""

    model: Tensors
    """Trained parameters and all buffers; frozen parameters are those it started from."""
    best: Tensors
    """The same of the best epoch; empty where only the last counts."""
    moments: Tensors
    """The optimizer's, as `PARAMETER/KEY`."""
    techniques: Tensors
    """What techniques keep, as `TECHNIQUE/KEY`."""
    meta: dict[str, Any]
    """What JSON can hold: the recipe's digest, the history, the best epoch."""


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint in the place of the last one."""
    tensors = {
        f"{part}:{name}": value.detach().cpu().contiguous()
        for part in PARTS
        for name, value in getattr(checkpoint, part).items()
    }
    files.write_tensors(path, tensors, **{META: json.dumps(checkpoint.meta)})


def load(path: Path, digest: str) -> Checkpoint | None:
    """Read a checkpoint; none where there is none yet.

    Raises:
        DataError: it belongs to another recipe.
    """
    if not path.exists():
        return None
    parts: dict[str, Tensors] = {part: {} for part in PARTS}
    with safe_open(path, framework="pt") as file:
        meta = json.loads(file.metadata()[META])
        for key in file.keys():  # noqa: SIM118  # not a mapping
            part, name = key.split(":", 1)
            parts[part][name] = file.get_tensor(key)
    if meta["digest"] != digest:
        raise DataError(
            f"{path} must belong to this recipe, but belongs to another. Remove it: rm {path}"
        )
    return Checkpoint(**parts, meta=meta)


def model_state(model: nn.Module) -> Tensors:
    """A copy of what training can change: trained parameters, and buffers but of frozen modules."""
    persistent = model.state_dict().keys()
    state: Tensors = {}
    for path, module in model.named_modules():
        own = dict(module.named_parameters(path, recurse=False))
        trained = {name: value for name, value in own.items() if value.requires_grad}
        if trained or not own:
            state |= trained | dict(module.named_buffers(path, recurse=False))
    return {name: v.detach().clone() for name, v in state.items() if name in persistent}


def buffers(model: nn.Module) -> Tensors:
    """The buffers that the state dict holds."""
    persistent = model.state_dict().keys()
    return {name: value for name, value in model.named_buffers() if name in persistent}


def restore_model(model: nn.Module, state: Mapping[str, torch.Tensor]) -> None:
    """Put back what `model_state` copied."""
    current = {**dict(model.named_parameters()), **buffers(model)}
    with torch.no_grad():
        for name, value in state.items():
            current[name].copy_(value)


def moments(optimizer: torch.optim.Optimizer) -> Tensors:
    """The tensors that the optimizer keeps, by `PARAMETER/KEY`, and by `#GROUP/KEY`."""
    return {path: value for path, value in _kept(optimizer) if isinstance(value, torch.Tensor)}


def numbers(optimizer: torch.optim.Optimizer) -> dict[str, float | bool]:
    """The numbers that the optimizer keeps, by the same names."""
    return {path: value for path, value in _kept(optimizer) if isinstance(value, int | float)}


def restore_moments(
    optimizer: torch.optim.Optimizer,
    state: Mapping[str, torch.Tensor],
    plain: Mapping[str, float | bool],
) -> None:
    """Put back what `moments` and `numbers` gave, laid out in memory as the parameters are.

    The fused optimizer goes through all of them as one row of numbers.
    """
    parameters, places = dict(_named(optimizer)), dict(_places(optimizer, new=True))
    for path, value in state.items():
        name, key = path.rsplit("/", 1)
        parameter = parameters.get(name)
        places[name][key] = value if parameter is None else _as_kept(value, parameter)
    for path, number in plain.items():
        name, key = path.rsplit("/", 1)
        places[name][key] = number


def _as_kept(value: torch.Tensor, parameter: torch.Tensor) -> torch.Tensor:
    """On the parameter's device, and in its layout where it has its shape."""
    like = parameter if value.shape == parameter.shape else value
    return torch.empty_like(like, dtype=value.dtype, device=parameter.device).copy_(value)


def _kept(optimizer: torch.optim.Optimizer) -> Iterator[tuple[str, Any]]:
    for name, own in _places(optimizer, new=False):
        for key, value in own.items():
            yield f"{name}/{key}", value


def _places(optimizer: torch.optim.Optimizer, *, new: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    """Where an optimizer keeps something: for a parameter, and for a group, as some of timm's do.

    With `new` also for parameters that it keeps nothing for yet.
    """
    for name, parameter in _named(optimizer):
        if new or parameter in optimizer.state:
            yield name, optimizer.state[parameter]
    for index, group in enumerate(optimizer.param_groups):
        yield f"#{index}", group


def _named(optimizer: torch.optim.Optimizer) -> list[tuple[str, torch.Tensor]]:
    return [
        pair
        for group in optimizer.param_groups
        for pair in zip(group["names"], group["params"], strict=True)
    ]
