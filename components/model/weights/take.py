"""Taking the weights that a network starts from, once and for all."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from components.frame import files
from components.frame.apart import require_apart
from components.frame.errors import DataError
from components.model.description import PACKAGE, Origin, PretrainedDescription
from components.model.weights.champion import champion
from components.model.weights.drawn import drawn
from components.model.weights.hub import from_hub
from components.model.weights.local import local
from components.model.weights.network import State
from components.model.weights.packaged import packaged
from components.model.weights.pin import CHAMPION, SOURCES, TIMM, start_pin
from components.model.weights.place import AUTO, PACKAGES
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

    Those of a champion lie in `cache`; beside them go the package's, where they are of its network.

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
    beside = _beside(described, pin)
    others = _apart(beside.state, PACKAGE) if beside else {}
    files.write_tensors(model, _apart(weights.state) | others)
    sha256 = files.sha256(model)
    package = (
        Origin(source=beside.source, licence=beside.licence, sha256=sha256) if beside else None
    )
    replace(described, sha256=sha256, package=package).write(config)
    print(f"{described.architecture} from {described.source}{_of_classifier(described)}")


def _apart(state: State, prefix: str = "") -> State:
    """The tensors in order, contiguous, each in a storage of its own."""
    whole = torch.contiguous_format
    return {prefix + key: value.clone(memory_format=whole) for key, value in sorted(state.items())}


def _beside(described: PretrainedDescription, pin: dict[str, Any]) -> PretrainedWeights | None:
    """The package's weights beside a champion's: validation tells which of the two to start from.

    None where there is no champion, or no package has weights of its network.
    """
    if "weights" not in pin or described.architecture not in PACKAGES:
        return None
    package = packaged(described.architecture)
    same = package.describe(sha256="").arguments == described.arguments
    return package if same else None


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
