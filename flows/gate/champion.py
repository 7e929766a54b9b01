"""What the champion says of the images on which it can be judged fairly."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from components.frame import files
from components.frame.errors import ThawlineError
from flows.project import Project
from flows.records import identity
from flows.registry import packing, versions

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.entities.model_registry import ModelVersion

SCORING = Path(__file__).with_name("scoring.py")
SEEN = ("train", "val")
"""Splits on which a model was trained or chosen."""
LAST_LINES = 5


def fair(project: Project, version: "ModelVersion", images: "pd.DataFrame") -> "pd.DataFrame":
    """The images, by path, that the champion was neither trained on nor chosen by."""
    import pandas as pd

    with _fetched(project, version, f"{packing.LINEAGE}/data/splits.parquet") as path:
        splits = pd.read_parquet(path)
    seen = splits.loc[splits["split"].isin(SEEN), "sha256"]
    return images[~images["sha256"].isin(seen)].sort_values("path").reset_index(drop=True)


def predictions(
    project: Project,
    version: "ModelVersion",
    model: str,
    fingerprint: str,
    images: "pd.DataFrame",
) -> "list[str]":
    """The class that the champion names for each image; computed once per champion and images.

    Raises:
        DataError: the model in the store is not the one that was registered.
    """
    import pandas as pd

    cached = kept(project, model, images)
    if not cached.exists():
        there = [identity.built(project, f"data/raw/{one}") for one in images["path"]]
        with _fetched(project, version) as folder, files.replacing(cached) as path:
            versions.check(folder, version, fingerprint)
            _score(folder, there, path)
    return [str(label) for label in pd.read_parquet(cached)["class"]]


def kept(project: Project, model: str, images: "pd.DataFrame") -> Path:
    """Where the answers of a model to these images, in this order, are kept."""
    named = identity.digest(images["sha256"].tolist())
    return project.private / "champion" / f"{model[:16]}-{named[:16]}.parquet"


def classes(project: Project, version: "ModelVersion") -> list[str]:
    """The names of the classes that the champion knows."""
    with _fetched(project, version, "artifacts/network.json") as path:
        return list(files.read_json(path)["classes"])


@contextmanager
def _fetched(project: Project, version: "ModelVersion", name: str = "") -> Iterator[Path]:
    """A file of a version, or its whole folder, for as long as it is needed."""
    project.private.mkdir(exist_ok=True)
    with TemporaryDirectory(dir=project.private) as place:
        yield versions.download(version, Path(place), name)


def _score(folder: Path, images: list[Path], output: Path) -> None:
    """Run the champion on images, with its own code."""
    listed = folder.parent / "images.json"
    files.write_text(listed, json.dumps([str(path) for path in images]))
    command = [sys.executable, "-I", str(SCORING), str(folder), str(listed), str(output)]
    surroundings = {**os.environ, "PYTHONUNBUFFERED": "1"}
    done = subprocess.run(
        command, cwd=folder, env=surroundings, capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = "\n".join(done.stderr.strip().splitlines()[-LAST_LINES:])
        raise ThawlineError(f"The champion could not be run on the test images:\n{said}")
