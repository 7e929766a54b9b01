"""What `data/start.yaml` must say of the weights to start from; imports nothing heavy."""

from pathlib import Path
from typing import Any

from components.frame import files
from components.model.weights.place import AUTO, file_of, package_file

CHAMPION = "champion"
SOURCES = ("package", "hub", "none", CHAMPION)
"""Of weights; anything else names a file."""
TIMM = "timm"
"""The initialisation that a pin without one means."""
TAKEN = ("images", "name", "version", "weights", "network")
"""What the pin of a champion says of it: the images that there were then, the registered version,
and the SHA-256 of its weights and of their description."""


def start_pin(
    source: str, architecture: str, seed: int, known: dict[str, Any], initialisation: str = TIMM
) -> dict[str, Any]:
    """The pin of the weights that are asked for.

    Args:
        source: as `params/base.yaml` has it, like the next two and the last.
        architecture: timm's name, or `auto`.
        seed: of random weights.
        known: the present pin; a revision of the hub in it is kept while it is the same model's,
            and a champion or that there was none.
        initialisation: of random weights.

    Raises:
        UsageError: there are no such weights.
        UnreachableError: the hub does not answer.
    """
    asked: dict[str, Any] = {"source": source, "architecture": architecture}
    if source == "none":
        named = {} if initialisation == TIMM else {"initialisation": initialisation}
        return asked | named | {"seed": seed}
    if source == "hub":
        same = {key: known.get(key) for key in asked} == asked
        return asked | {"revision": known["revision"] if same else _revision(architecture)}
    if source == CHAMPION:
        taken = {key: known[key] for key in TAKEN if key in known}
        return asked | taken | ({} if "weights" in taken else _file_pin(package_file(AUTO)))
    if source == "package":
        return asked | _file_pin(package_file(architecture))
    return asked | _file_pin(file_of(source))


def _file_pin(path: Path) -> dict[str, Any]:
    return {"sha256": files.sha256(path)}


def _revision(architecture: str) -> str:
    from components.model.weights.hub import hub_revision

    return hub_revision(architecture)
