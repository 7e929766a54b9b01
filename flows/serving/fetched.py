"""A registered model's files, fetched from the store and checked before anything in them is run."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from components.frame.errors import UnreachableError
from flows.project import Project
from flows.registry import packing, versions
from flows.tracking import stores

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

NETWORK = packing.NETWORK
"""The description of a model's network, among its files."""
SPLITS = f"{packing.LINEAGE}/data/splits.parquet"
"""The images it was made from."""


@contextmanager
def named(project: Project, wanted: versions.Name) -> "Iterator[tuple[ModelVersion, Path]]":
    """The version that a person named, and its folder for as long as it is needed.

    Raises:
        UsageError: there is no such version.
        DataError: its files are not those that were registered.
        UnreachableError: the tracking store is away.
    """
    with _place(project) as place:
        with stores.answering(project):
            version = versions.find(stores.look(project), wanted)
            folder = _whole(project, version, place)
        yield version, folder


@contextmanager
def model(project: Project, version: "ModelVersion") -> Iterator[Path]:
    """The folder of a version of the store that is open, for as long as it is needed.

    Raises:
        DataError: its files are not those that were registered.
        UnreachableError: the store has none of them.
    """
    with _place(project) as place:
        yield _whole(project, version, place)


@contextmanager
def part(project: Project, version: "ModelVersion", name: str) -> Iterator[Path]:
    """One file of a version of the store that is open, to be read and not to be run."""
    with _place(project) as place:
        yield versions.download(version, place, name)


def _whole(project: Project, version: "ModelVersion", place: Path) -> Path:
    folder = versions.download(version, place)
    if not packing.contents(folder):
        raise UnreachableError(
            f"{version.name} version {version.version} must have files in the store, but it holds "
            "none of them now. Bring the store's artifacts back, then run again."
        )
    versions.check(folder, version, versions.fingerprint(project, version))
    return folder


@contextmanager
def _place(project: Project) -> Iterator[Path]:
    project.private.mkdir(exist_ok=True)
    with TemporaryDirectory(dir=project.private) as place:
        yield Path(place)
