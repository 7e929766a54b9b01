"""What makes a run the same run and a model the same model."""

import hashlib
import socket
from pathlib import Path
from typing import Any

from components.frame import files
from components.frame.errors import UsageError
from components.model.description import NetworkDescription
from flows.project import Project

DRAWING = "report"
"""The stage that only draws: what it makes anew makes no new run."""


def run_key(project: Project) -> str:
    """The key of the pipeline run that `build/` holds.

    Raises:
        UsageError: nothing was built yet.
    """
    return lock_key(built(project, "dvc.lock"))


def lock_key(lock: Path) -> str:
    """The SHA-256 of a `dvc.lock` without its entry of the stage that only draws."""
    kept, inside = [], False
    for line in lock.read_text(encoding="utf-8").splitlines(keepends=True):
        if not line.startswith("   "):  # a stage's name, or the end of the stages
            inside = line.rstrip() == f"  {DRAWING}:"
        if not inside:
            kept.append(line)
    return hashlib.sha256("".join(kept).encode()).hexdigest()


def model_digest(project: Project) -> str:
    """The key of the model in `build/train`: weights, preprocessing and what is learned.

    Raises:
        UsageError: nothing was built yet.
    """
    weights = files.sha256(built(project, "build/train/weights.safetensors"))
    network = NetworkDescription.read(built(project, "build/train/network.json"))
    return digest_of(weights, network)


def digest_of(weights: str, network: NetworkDescription) -> str:
    """As `model_digest`, of the SHA-256 of the weights and their description."""
    return digest([weights, network.identity])


def live_key(project: Project) -> str:
    """The key of a run under way: the same when it is taken up again after a kill."""
    inputs = [project.pipeline, *project.params.glob("*.yaml"), *project.data.glob("*.yaml")]
    state = {path.name: files.sha256(path) for path in sorted(inputs) if path.is_file()}
    return digest([place(project), state])


def place(project: Project) -> str:
    """Names this folder on this machine, so that runs under way elsewhere are left alone."""
    return digest([socket.gethostname(), str(project.root)])


def digest(content: Any) -> str:  # noqa: ANN401  # whatever JSON can hold
    """SHA-256 of the one JSON text of `content`."""
    return hashlib.sha256(files.canonical(content)).hexdigest()


def built(project: Project, name: str) -> Path:
    """The path of an output of the stages, which must be there.

    Raises:
        UsageError: it is not.
    """
    path = project.root / name
    if not path.exists():
        raise UsageError(f"{name} is needed, but was not built yet. Build it: dvc repro")
    return path
