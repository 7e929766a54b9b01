"""The weights of the model in use, as `thawline sync` fetched them from the registry."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.frame import files
from components.frame.errors import DataError
from components.model.description import NetworkDescription
from components.model.weights.file import read
from components.model.weights.place import champion_file
from components.model.weights.pretrained import PretrainedWeights


def champion(pin: Mapping[str, Any], cache: Path) -> PretrainedWeights:
    """The champion's weights, its classifier among them, by the hashes that the pin states.

    Raises:
        DataError: they are not in the cache, or others are.
    """
    weights, network = (_whole(cache, pin[name]) for name in ("weights", "network"))
    described, (state, _) = NetworkDescription.read(network), read(weights)
    transform = described.transform
    return PretrainedWeights(
        state=state,
        architecture=described.architecture,
        arguments=described.arguments,
        mean=tuple(transform["mean"]),
        std=tuple(transform["std"]),
        names=described.output_names,
        source=f"{pin['name']} version {pin['version']}, the champion",
        licence=described.base.licence,
    )


def _whole(cache: Path, sha256: str) -> Path:
    path = champion_file(cache, sha256)
    if not path.is_file() or files.sha256(path) != sha256:
        raise DataError(
            f"{path} must hold what data/start.yaml pins of the champion, but does not. "
            "Fetch it: thawline sync"
        )
    return path
