"""The champion as what the next training starts from: pinned, and fetched by its hashes."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.frame import files
from components.frame.errors import DataError
from components.model.weights.place import champion_file
from flows.project import Project
from flows.registry import champions, packing, versions
from flows.serving import fetched
from flows.tracking import stores

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

FILES = {"weights": packing.WEIGHTS, "network": packing.NETWORK}
"""What a training needs of a version, by the pin's names, and where it lies in the version."""


def pin(project: Project) -> dict[str, Any]:
    """What `data/start.yaml` says of today's champion, whose files are then in the cache.

    Empty: there is no champion yet.

    Raises:
        DataError: its files are not those that were registered.
        UnreachableError: the tracking store is away.
    """
    with stores.opened(project) as store:
        version = champions.current(project, store, versions.model_name(project))
        if version is None:
            return {}
        hashes = _fetch(project, version)
    return {"name": version.name, "version": int(version.version), **hashes}


def provide(project: Project, pinned: dict[str, Any]) -> None:
    """See that the files of a champion that was pinned are in the cache, and fetch them if not.

    Raises:
        DataError: the registry has other files than those that were pinned.
        UsageError: it knows the version no more.
        UnreachableError: the tracking store is away.
    """
    wanted = {key: pinned[key] for key in FILES}
    if all(champion_file(project.cache, sha256).is_file() for sha256 in wanted.values()):
        return
    with stores.opened(project) as store:
        named = versions.Name(pinned["name"], version=pinned["version"])
        found = _fetch(project, versions.find(store.client, named))
    if found != wanted:
        raise DataError(
            f"{named} must be what data/start.yaml pins, but its files differ. Take today's "
            "champion: rm data/start.yaml, then: thawline sync"
        )


def _fetch(project: Project, version: "ModelVersion") -> dict[str, str]:
    """Bring a version's files into the cache, under their hashes."""
    hashes = {}
    with fetched.model(project, version) as folder:
        for key, name in FILES.items():
            source: Path = folder / name
            hashes[key] = files.sha256(source)
            with files.replacing(champion_file(project.cache, hashes[key])) as path:
                path.write_bytes(source.read_bytes())
    return hashes
