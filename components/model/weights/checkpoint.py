"""Where in a trainer's checkpoint the weights of a network lie, and under which names.

Trainers keep them beside an optimizer's state, some a running average (EMA) besides, and wrap the
network, which puts `module.`, `model.` or `_orig_mod.` before every name.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from components.frame.errors import DataError
from components.model.weights.network import Network, State

LEVELS = 4
"""So deep in a checkpoint weights are looked for."""
AVERAGED = re.compile(r"(?:^|[._])(?:ema|averaged?|swa|teacher)(?:[._]|$)")
"""In the name of a place: it holds a running average, which is better than the last step."""
NAMED = 3
"""Names told of many."""


@dataclass(frozen=True)
class Candidate:
    """Tensors that may be a network's."""

    place: str
    """Where they lie, such as `state_dict`; empty: they are the whole file."""
    prefix: str
    """What is taken off their names, such as `module.`."""
    state: State
    left: tuple[str, ...]
    """Names of tensors beside them, without the prefix."""

    @property
    def name(self) -> str:
        """As a person reads it."""
        return (
            ".".join(part for part in (self.place, self.prefix.rstrip(".")) if part) or "the whole"
        )

    def told(self) -> Iterator[str]:
        """How they were found, a line each."""
        if self.place:
            yield f"`{self.place}` is taken"
        if self.prefix:
            yield f"`{self.prefix}` is taken off the names of {len(self.state)} entries"
        if self.left:
            yield f"left out: {_named(self.left)}"


def weights_of(content: Any, network: Network, file: str) -> tuple[State, list[str]]:  # noqa: ANN401  # whatever a file holds
    """The weights in a file's content that fit a network, and how they were found, a line each.

    A running average is preferred. Where nothing fits, what has most names in common is returned.

    Raises:
        DataError: it holds no tensors.
    """
    candidates = [
        one for place, state in _found(content) for one in _unwrapped(place, state, network)
    ]
    if not candidates:
        raise DataError(f"{file} must hold a state dict of tensors. Save model.state_dict().")
    fitting = [one for one in candidates if not network.differing(one.state)]
    if not fitting:
        best = max(candidates, key=lambda one: len(one.state.keys() & network.body.keys()))
        return best.state, list(best.told())
    chosen, *others = sorted(fitting, key=lambda one: AVERAGED.search(one.name) is None)
    told = [*chosen.told()]
    if others:
        told.append(f"{_named([one.name for one in others])} would fit, too")
    state = _completed(chosen.state, network, told)
    if len(network.without_head(state)) < len(state) and not network.classes(state):
        told.append("its classifier is of a form of its own and left out")
        state = network.without_head(state)
    return state, told


def _completed(state: State, network: Network, told: list[str]) -> State:
    """The weights with the counts of batches that they lack."""
    missing = [name for name in network.body if name not in state]
    if missing:
        told.append(f"left out of the file, 0 now: {_named(missing)}")
    return state | {name: torch.zeros((), dtype=torch.int64) for name in missing}


def _found(content: object, place: str = "", levels: int = LEVELS) -> Iterator[tuple[str, State]]:
    """The tensors in every mapping, with its place."""
    if not isinstance(content, Mapping) or not levels:
        return
    entries = {key: value for key, value in content.items() if isinstance(key, str)}
    if state := {key: value for key, value in entries.items() if isinstance(value, torch.Tensor)}:
        yield place, state
    for key, value in entries.items():
        yield from _found(value, f"{place}.{key}" if place else key, levels - 1)


def _unwrapped(place: str, state: State, network: Network) -> Iterator[Candidate]:
    """The tensors under each prefix that the network's first entry has among their names."""
    first = next(iter(network.body), "")
    prefixes = {name.removesuffix(first) for name in state if f".{name}".endswith(f".{first}")}
    for prefix in sorted(prefixes | {""}):
        inside = {n.removeprefix(prefix): v for n, v in state.items() if n.startswith(prefix)}
        left = tuple(name for name in state if not name.startswith(prefix))
        yield Candidate(place, prefix, inside, left)


def _named(names: "tuple[str, ...] | list[str]") -> str:
    """The first of some names, and how many more there are."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{', '.join(names[:NAMED])}{more}"
