"""Taking the weights that a network starts from, once and for all."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from components.frame import files
from components.frame.apart import require_apart
from components.frame.errors import DataError
from components.model.description import PretrainedDescription
from components.model.weights.champion import champion
from components.model.weights.drawn import drawn
from components.model.weights.hub import from_hub
from components.model.weights.local import local
from components.model.weights.packaged import packaged
from components.model.weights.pin import CHAMPION, SOURCES, TIMM, start_pin
from components.model.weights.place import AUTO
from components.model.weights.pretrained import PretrainedWeights


def take(
    start: Path,
    cache: Path,
    *,
    source: str,
    architecture: str,
    initialisation: str,
    seed: int,
    model: Path,
    config: Path,
) -> None:
    """Write the weights that the pin `start` names to `model`, and what they are to `config`.

    Those of a champion lie in `cache`.

    Raises:
        DataError: they are others than the pin names, or do not fit their architecture.
        UsageError: they are a file that a run replaces.
    """
    if source not in SOURCES:
        require_apart("base.source", source, Path.cwd())
    pin = files.read_yaml(start)
    if start_pin(source, architecture, seed, pin, initialisation) != pin:
        raise DataError(
            "the weights that params/base.yaml asks for must be those that data/start.yaml "
            "pins, but are not. Take them: thawline sync"
        )
    weights = _read(source, architecture, pin, cache)
    described = weights.describe(sha256="")
    whole = torch.contiguous_format  # and each in a storage of its own
    state = {key: v.clone(memory_format=whole) for key, v in sorted(weights.state.items())}
    files.write_tensors(model, state)
    replace(described, sha256=files.sha256(model)).write(config)
    print(f"{described.architecture} from {described.source}{_of_classifier(described)}")


def _of_classifier(described: PretrainedDescription) -> str:
    if described.names:
        return f"; its classifier keeps what it knows of {len(described.names)} classes"
    replaced = f"; its classifier of {described.classes:,} outputs gives way to a new one"
    return replaced * bool(described.classes)


def _read(source: str, architecture: str, pin: dict[str, Any], cache: Path) -> PretrainedWeights:
    if source == "none":
        return drawn(architecture, pin["seed"], pin.get("initialisation", TIMM))
    if source == "hub":
        return from_hub(architecture, pin["revision"])
    if source == CHAMPION and "weights" in pin:
        return champion(pin, cache)
    if source == "package":
        return packaged(architecture)
    return packaged(AUTO) if source == CHAMPION else local(source, architecture)
