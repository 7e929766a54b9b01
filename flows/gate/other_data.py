"""Whether new images are another data set than the champion's: to be seen before a search.

After hours of it the verdict could only say that no image compares the two models.
"""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from components.augment import AugmentParams
from components.data.source import DIGITS
from components.frame.errors import ThawlineError, UsageError
from components.frame.params import load_params
from components.ingest import IngestParams
from flows.project import Project
from flows.records import identity
from flows.registry import versions
from flows.tracking import stores

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

    from components.tasks.task import Task

MANIFEST = "build/ingest/manifest.parquet"


def refuse(project: Project) -> None:
    """Stop where the champion can give the right answer for none of the images.

    One of another task is no champion of these images; one whose store is away is not asked.

    Raises:
        UsageError: it can for none.
    """
    champion = _champion(project)
    if champion is None:
        return
    version, its = champion
    if its.name == load_params(AugmentParams, project.params / "augment.yaml").task:
        _require_known(project, version, its)


def _champion(project: Project) -> "tuple[ModelVersion, Task] | None":
    """The champion and what it learned; None: there is none that can be asked now."""
    if stores.store_identity(project) is None:
        return None
    from flows.gate.champion import learned

    wanted = versions.Name(versions.model_name(project), alias=versions.CHAMPION)
    try:
        with stores.answering(project):
            version = versions.find(stores.look(project), wanted)
            return version, learned(project, version)
    except ThawlineError:  # there is none, or `judge` will say what is wrong with it
        return None


def _require_known(project: Project, version: "ModelVersion", its: "Task") -> None:
    from components.data.manifest import read_table

    truth = its.truth(read_table(identity.built(project, MANIFEST)))
    if not its.answerable(truth).any():
        raise UsageError(
            "The images must have something in common with what the champion knows, but "
            f"{version.name} version {version.version} {its.about()}, and they show none of that. "
            f"Another data set is another project: thawline init FOLDER{_source(project)} - or "
            "another model here: thawline run --set register.name=NAME"
        )


def _source(project: Project) -> str:
    """The option of `thawline init` that names these images."""
    source = load_params(IngestParams, project.params / "ingest.yaml").source
    if source == DIGITS:
        return ""
    return f" --source {shlex.quote(str(project.root / Path(source).expanduser()))}"
