"""What a file of weights states of itself, checked like parameters before it is used."""

import json
from ast import literal_eval
from collections.abc import Mapping
from inspect import signature
from math import isfinite
from typing import Any

import timm
import torch

from components.frame.errors import DataError, UsageError
from components.model.backbone import check_architecture

CHANNELS = 3
"""Of an image."""
OURS = frozenset({"block_args", "device", "dtype", "in_chans", "num_classes"})
"""Arguments of a network's class that a file has no say in: what a run sets itself."""
LARGEST = 4096
"""Of a number among the arguments; no network of timm has more of anything."""
LONGEST = 500
"""Characters of a line or word."""
SHOWN = 60
"""Characters of what is refused."""
LEAST_STD = 1 / 256
"""One step of a channel of 8 bits."""


def facts(metadata: Mapping[str, str], file: str) -> dict[str, Any]:
    """What a file's own metadata tells, in the words of `PretrainedWeights`.

    `num_classes` among the arguments is passed over: the weights themselves show it.

    Raises:
        DataError: it cannot be read, or breaks a rule.
    """
    told: dict[str, Any] = {}
    for key in ("source", "licence"):
        if key in metadata:
            told[key] = _line(metadata[key], f"{file}: {key}")
    for key, least, most in (("mean", 0.0, 1.0), ("std", LEAST_STD, 1.0)):
        if key in metadata:
            told[key] = _channels(metadata[key], f"{file}: {key}", least, most)
    if "arch" in metadata:
        told["architecture"] = _architecture(metadata["arch"], file)
    if pairs := [pair for pair in metadata.get("create_kwargs", "").split(",") if pair.strip()]:
        named = dict(_argument(pair, file) for pair in pairs)
        told["arguments"] = {key: value for key, value in named.items() if key != "num_classes"}
    return told


def check_arguments(architecture: str, arguments: Mapping[str, Any], file: str) -> None:
    """See that arguments are those of the network's own class, and none with which timm loads.

    Raises:
        DataError: one is not.
    """
    if not arguments:
        return
    with torch.device("meta"):
        network = type(timm.create_model(architecture))
    named = (p.name for p in signature(network).parameters.values() if p.kind != p.VAR_KEYWORD)
    allowed = sorted({*named} - OURS)
    if odd := [f"{name}={value!r}" for name, value in arguments.items() if name not in allowed]:
        raise DataError(
            f"{file}: create_kwargs must name what shapes {architecture} ({', '.join(allowed)}), "
            f"but states {', '.join(odd)}. Save the weights without."
        )


def _architecture(name: str, file: str) -> str:
    try:
        check_architecture(name.split(".", maxsplit=1)[0])
    except UsageError:
        raise DataError(
            f"{file}: arch must be a model of timm, but is {name[:SHOWN]!r}. Save the weights "
            "without it, and name the model: base.architecture"
        ) from None
    return name


def _line(text: str, where: str) -> str:
    if len(text) > LONGEST or not text.isprintable():
        raise DataError(
            f"{where} must be one line of up to {LONGEST} characters, but is {text[:SHOWN]!r}... "
            "Save the weights with a shorter one."
        )
    return text


def _channels(text: str, where: str, least: float, most: float) -> tuple[float, ...]:
    """A number for each channel, for values in 0..1."""
    try:
        values = json.loads(text.replace("(", "[").replace(")", "]"))
    except (ValueError, RecursionError):
        values = text
    whole = isinstance(values, list) and len(values) == CHANNELS
    if not whole or not all(_is_number(value) and least <= value <= most for value in values):
        raise DataError(
            f"{where} must be {CHANNELS} numbers from {least:.3g} to {most:g}, but is "
            f"{text[:SHOWN]!r}. Save the weights with the right one."
        )
    return tuple(float(value) for value in values)


def _argument(pair: str, file: str) -> tuple[str, Any]:
    """`name=value`: a number, a truth value, or a word as text."""
    name, _, text = (part.strip() for part in pair.partition("="))
    value = _literal(text)
    number = _is_number(value) and abs(value) <= LARGEST
    word = isinstance(value, str) and 0 < len(value) <= LONGEST
    if not (number or word or isinstance(value, bool)):
        raise DataError(
            f"{file}: create_kwargs must state numbers up to {LARGEST:,}, truth values and words, "
            f"but states {pair[:SHOWN]!r}. Save the weights with others."
        )
    return name, value


def _literal(text: str) -> Any:  # noqa: ANN401  # whatever Python writes
    try:
        return literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text


def _is_number(value: object) -> bool:
    if isinstance(value, float):
        return isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)
