"""The lineage of a registered version, checked to be whole."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from components.frame import files
from components.frame.errors import DataError, UsageError
from flows.records import identity, revision
from flows.registry import packing
from flows.tracking.tags import BASE_SHA256_TAG, COMMIT_TAG, MODEL_TAG, RUN_TAG, STATE_TAG

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion


@dataclass(frozen=True)
class Lineage:
    """A version's files, fetched into a folder, and its tags."""

    called: str
    """As a person says it: `thawline version 3`."""
    folder: Path
    tags: dict[str, str]

    @property
    def root(self) -> Path:
        """The folder of what it can be built again from."""
        return self.folder / packing.LINEAGE

    @property
    def model(self) -> str:
        """The digest of the model."""
        return self.tags[MODEL_TAG]

    @property
    def commit(self) -> str | None:
        """The commit that its code was at."""
        return self.tags.get(COMMIT_TAG)

    @property
    def base(self) -> str:
        """SHA-256 of the weights that it started from."""
        return self.tags[BASE_SHA256_TAG]

    @cached_property
    def stages(self) -> dict[str, Any]:
        """The stages in `dvc.lock`: what went into each, and what came out."""
        return dict(files.read_yaml(self.root / "dvc.lock")["stages"])

    @cached_property
    def described(self) -> dict[str, Any]:
        """The stages in `dvc.yaml`."""
        return dict(files.read_yaml(self.root / "dvc.yaml")["stages"])

    @cached_property
    def weights(self) -> str:
        """SHA-256 of its weights."""
        return files.sha256(self.folder / "artifacts" / "weights.safetensors")

    @cached_property
    def machine(self) -> dict[str, str] | None:
        """Where it was built; older versions do not say."""
        path = self.root / packing.MACHINE
        return dict(files.read_json(path)) if path.is_file() else None

    def params(self, name: str) -> bytes:
        """A parameter file as the version was built with it, with its comments where they fit."""
        path = self.root / name
        wanted = {
            key: value
            for entry in self.stages.values()
            for key, value in entry.get("params", {}).get(name, {}).items()
        }
        if not path.is_file() or files.read_yaml(path) != wanted:
            files.write_yaml(path, wanted)
        return path.read_bytes()

    @classmethod
    def read(cls, folder: Path, version: "ModelVersion") -> Self:
        """The lineage of a version whose files lie in `folder`.

        Raises:
            UsageError: it was made from a dirty commit.
            DataError: its lineage is not what it was made from.
        """
        lineage = cls(f"{version.name} version {version.version}", folder, dict(version.tags))
        state = lineage.tags.get(STATE_TAG, "")
        if revision.changed_beside_params(state):
            raise UsageError(
                f"A version is rebuilt from a commit, but {lineage.called} was made from "
                f"{lineage.commit} with changes that nobody committed ({state}). "
                "It cannot be rebuilt."
            )
        lock = lineage.root / "dvc.lock"
        if not lock.is_file() or identity.lock_key(lock) != lineage.tags.get(RUN_TAG):
            raise DataError(
                f"{lineage.called} must carry the dvc.lock it was made with, but does not: "
                f"SHA-256 {lineage.tags.get(RUN_TAG)} is asked for. It cannot be rebuilt."
            )
        return lineage


def md5_of(path: Path) -> str | None:
    """A file's MD5, as `dvc.lock` has it; None: there is none."""
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
