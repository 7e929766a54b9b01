"""The versions of a registered model: named by a person, found, fetched, and checked to be ours."""

import errno
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from components.frame.errors import DataError, UsageError
from components.frame.params import Params, load_params
from flows.project import Project
from flows.records import ledger
from flows.registry import packing
from flows.tracking import stores
from flows.tracking.tags import FILES_TAG, MODEL_TAG

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

    from flows.tracking.stores import Store

CHALLENGER = "challenger"
CHAMPION = "champion"
READY = "READY"
LOST = frozenset({errno.ENOENT, errno.ELOOP, errno.ENOTDIR, errno.EISDIR})
"""The system's numbers for a file that is no file."""
FORM = re.compile(r"(?:models:/)?(?P<name>[^/:]+)(?:@(?P<alias>[^/:@]+)|/(?P<version>\d+))")
UNKNOWN = frozenset({"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"})
"""What MLflow answers where there is no such model, alias or version."""


class RegisterParams(Params):
    """The name under which `register` makes model versions: models:/NAME@champion."""

    name: Annotated[str, Field(min_length=1, max_length=250, pattern=r"^[^/:'`\n]+$")] = "thawline"
    """Name of the registered model; without slash, colon, quotes and line breaks."""


@dataclass(frozen=True)
class Name:
    """`NAME@ALIAS` or `NAME/VERSION`: what a person calls a version."""

    name: str
    alias: str | None = None
    version: int | None = None

    def __str__(self) -> str:
        return f"{self.name}@{self.alias}" if self.alias else f"{self.name}/{self.version}"


def model_name(project: Project) -> str:
    """The name of the registered model, as `params/register.yaml` has it."""
    return load_params(RegisterParams, project.params / "register.yaml").name


def parse(text: str) -> Name:
    """Take `NAME@ALIAS` or `NAME/VERSION` apart.

    Raises:
        UsageError: it has another form.
    """
    parts = FORM.fullmatch(text)
    if parts is None:
        raise UsageError(
            f"A model is named NAME@ALIAS or NAME/VERSION, as in thawline@champion or thawline/3, "
            f"but got {text!r}."
        )
    number = parts["version"]
    return Name(parts["name"], parts["alias"], None if number is None else int(number))


def named(project: Project, text: str) -> Name:
    """As `parse`, or short: `3`, `champion` and `challenger` are those of the project's own model.

    Raises:
        UsageError: it has another form.
    """
    name = model_name(project)
    if text.isdecimal():
        return Name(name, version=int(text))
    return Name(name, alias=text) if text in (CHAMPION, CHALLENGER) else parse(text)


def find(client: "MlflowClient", wanted: Name) -> "ModelVersion":
    """The version that a name means.

    Raises:
        UsageError: there is no such model, alias or version; what there is instead is told.
    """
    from mlflow.exceptions import MlflowException

    try:
        if wanted.alias is not None:
            return client.get_model_version_by_alias(wanted.name, wanted.alias)
        return client.get_model_version(wanted.name, str(wanted.version))
    except MlflowException as error:
        if error.error_code not in UNKNOWN:
            raise
    raise _no_such(client, wanted)


def digest_of(version: "ModelVersion") -> str:
    """The digest of a version's model; of one that is not ours, something no other has."""
    digest = version.tags.get(MODEL_TAG)
    return digest or f"{version.name} version {version.version}"


def fingerprint(project: Project, version: "ModelVersion") -> str:
    """Over the files that were registered: as the ledger has it, else as the registry has it."""
    fact = {"name": version.name, "version": int(version.version), "model": digest_of(version)}
    entry = ledger.last(project, "registered", **fact)
    return str(entry["files"] if entry else version.tags.get(FILES_TAG))


def download(version: "ModelVersion", place: Path, name: str = "") -> Path:
    """Fetch a file of a version, or its whole folder, into `place`.

    Raises:
        DataError: a file is missing in the store, or leads out of it.
    """
    from mlflow.artifacts import download_artifacts
    from mlflow.exceptions import MlflowException

    where = f"models:/{version.name}/{version.version}/{name}"
    try:
        return Path(download_artifacts(where.rstrip("/"), dst_path=str(place)))
    except MlflowException as error:
        if error.get_http_status_code() >= stores.SERVER_FAULT:
            raise
        raise _not_whole(version, error) from error
    except OSError as error:
        if error.errno not in LOST:
            raise
        raise _not_whole(version, error) from error


def _not_whole(version: "ModelVersion", error: Exception) -> DataError:
    reason = " ".join(str(error).split())[:300]
    return DataError(
        f"{version.name} version {version.version} must lie in the store as it was registered, but "
        f"its files cannot be fetched ({reason}). Take another version, or bring back its files."
    )


def check(folder: Path, version: "ModelVersion", fingerprint: str) -> None:
    """See that a fetched folder is what was registered, before anything in it is run.

    Raises:
        DataError: it is not.
    """
    packing.check(folder)
    if not packing.is_what_was(folder, fingerprint):
        raise DataError(
            f"{version.name} version {version.version} must be what was registered, but its "
            "files in the store differ. It is not loaded. Take another version; where it is the "
            "champion, choose another: thawline promote VERSION --anyway"
        )


def registered(store: "Store", name: str, model: str) -> "ModelVersion":
    """The version of a model.

    Raises:
        UsageError: there is none.
    """
    usable = versions(store, name, model)
    if not usable:
        raise UsageError(
            f"A model must be registered before it is judged or promoted, but {name} has no "
            "version of the one in build/train. Register it: thawline register"
        )
    return usable[0]


def versions(store: "Store", name: str, model: str) -> "list[ModelVersion]":
    """The usable versions of a model by its digest, the oldest first."""
    query = f"name = '{name}' and tags.`{MODEL_TAG}` = '{model}'"
    usable = [v for v in store.client.search_model_versions(query) if v.status == READY]
    return sorted(usable, key=lambda version: int(version.version))


def aliased(store: "Store", name: str, alias: str) -> "ModelVersion | None":
    """The version that bears an alias."""
    from mlflow.exceptions import MlflowException

    try:
        return store.client.get_model_version_by_alias(name, alias)
    except MlflowException as error:
        if error.error_code not in UNKNOWN:
            raise
    return None


def call_challenger(store: "Store", version: "ModelVersion") -> None:
    """Set the alias, unless the version is the champion: nobody challenges himself."""
    champion = aliased(store, version.name, CHAMPION)
    if champion is None or champion.version != version.version:
        store.client.set_registered_model_alias(version.name, CHALLENGER, version.version)


def uncall_challenger(store: "Store", version: "ModelVersion") -> None:
    """Take the alias from a version that has it."""
    challenger = aliased(store, version.name, CHALLENGER)
    if challenger is not None and challenger.version == version.version:
        store.client.delete_registered_model_alias(version.name, CHALLENGER)


def _no_such(client: "MlflowClient", wanted: Name) -> UsageError:
    """What there is instead of a version that there is not."""
    models = {one.name: one for one in client.search_registered_models()}
    if wanted.name not in models:
        what, there = "a registered model", sorted(models)
    elif wanted.alias is not None:
        what, there = "an alias of a version", sorted(models[wanted.name].aliases)
    else:
        what = "a version"
        all_versions = client.search_model_versions(f"name = '{wanted.name}'")
        there = [str(number) for number in sorted(int(one.version) for one in all_versions)]
    rest = f"There are: {', '.join(there)}." if there else "There is none yet: thawline run"
    return UsageError(f"{str(wanted)!r} must name {what}, but does not. {rest}")
