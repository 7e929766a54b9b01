"""The action `register`: the model in `build/train` becomes a version of a registered model.

A model is registered once, whatever was killed or repeated: its digest finds it again. A version is
made last, when all files of the model lie in the store, and gets the alias `challenger`.
"""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from components.frame.errors import UsageError
from flows.pages import model_card, registered_model
from flows.project import Project
from flows.records import identity, ledger
from flows.registry import versions
from flows.registry.versions import RegisterParams
from flows.tracking import runs, stores, tags
from flows.tracking.outputs import Outputs, source_name

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel, Run
    from mlflow.entities.model_registry import ModelVersion

    from flows.tracking.stores import Store

LINEAGE_TAGS = (
    tags.RUN_TAG,
    tags.DATA_TAG,
    tags.STATE_TAG,
    tags.BASE_SOURCE_TAG,
    tags.BASE_LICENCE_TAG,
    tags.BASE_SHA256_TAG,
    tags.COMMIT_TAG,
)
"""Tags of the run that its version bears too."""


@dataclass(frozen=True, kw_only=True)
class Registered:
    """A registered version of the model in `build/train`."""

    name: str
    version: int
    model: str
    """The model's digest."""
    changed: bool
    message: str
    """One sentence for the log."""


def register(project: Project, params: RegisterParams) -> Registered:
    """Make the model in `build/train` a version, unless it is one, and call it `challenger`.

    One whose package was refused is not called so again, until it answers as it should.

    Raises:
        UsageError: nothing was built, or the run was not published yet.
        UnreachableError: the tracking store is away.
    """
    from flows.gate import package

    model = identity.model_digest(project)
    with stores.opened(project) as store:
        known = versions.versions(store, params.name, model)
        made = known[0] if known else _make(project, store, params.name, model)
        if package.refusal(project, params.name, model) is None:
            versions.call_challenger(store, made)
        registered_model.describe(store, params.name)
        ledger.record(
            project,
            "registered",
            name=params.name,
            version=int(made.version),
            model=model,
            files=made.tags[tags.FILES_TAG],
            run=made.tags[tags.RUN_TAG],
            store=stores.store_identity(project),
        )
    what = f"{params.name} version {made.version}"
    message = f"Registered {what}." if not known else f"This model is {what} already."
    return Registered(
        name=params.name,
        version=int(made.version),
        model=model,
        changed=not known,
        message=message,
    )


def _make(project: Project, store: "Store", name: str, model: str) -> "ModelVersion":
    """Put the model's files into the store, then make the version."""
    run = runs.published(store, project)
    if run is None:
        raise UsageError(
            "A version names the run it comes from, but this run is not in MLflow yet. "
            "Publish it: thawline publish"
        )
    logged = _logged(project, store, run, name, model)
    _show_on_run(store, run, logged)
    _ensure_name(store, name)
    outputs = Outputs(project)
    told = {
        f"{registered_model.SCORE_TAG}{outputs.task.score_name}": model_card.score(outputs),
        registered_model.DATA_TAG: source_name(project),
        registered_model.ABOUT_TAG: outputs.task.about(),
        tags.MODEL_TAG: model,
        tags.FILES_TAG: logged.tags[tags.FILES_TAG],
        **{key: run.data.tags[key] for key in LINEAGE_TAGS if key in run.data.tags},
    }
    store.client.create_model_version(
        name,
        f"models:/{logged.model_id}",
        run.info.run_id,
        tags=told,
        description=model_card.of_version(outputs, run.info.run_id, logged.model_id),
        model_id=logged.model_id,
    )
    first, *others = versions.versions(store, name, model)
    for other in others:  # a lost answer made it twice
        store.client.delete_model_version(name, other.version)
    return first


def _logged(project: Project, store: "Store", run: "Run", name: str, model: str) -> "LoggedModel":
    """The model in the store with all its files; what was left half-way or was refused goes."""
    from flows.gate import package

    refused = package.refusal(project, name, model) is not None
    query = f"tags.`{tags.MODEL_TAG}` = '{model}'"
    for logged in store.client.search_logged_models([store.experiment], query):
        if logged.status == versions.READY and not refused:
            return logged
        store.client.delete_logged_model(logged.model_id)
    made = store.client.create_logged_model(
        store.experiment,
        name="model",
        source_run_id=run.info.run_id,
        tags={tags.MODEL_TAG: model},
    )
    project.private.mkdir(exist_ok=True)
    with TemporaryDirectory(dir=project.private) as place:
        _upload(project, store, made, Path(place) / "model")
    return store.client.finalize_logged_model(made.model_id, versions.READY)


def _show_on_run(store: "Store", run: "Run", logged: "LoggedModel") -> None:
    """Let the run's page name the model that it made, once."""
    from mlflow.entities import LoggedModelOutput

    shown = run.outputs.model_outputs if run.outputs else []
    if logged.model_id not in {output.model_id for output in shown}:
        store.client.log_outputs(run.info.run_id, [LoggedModelOutput(logged.model_id, step=0)])


def _upload(project: Project, store: "Store", made: "LoggedModel", folder: Path) -> None:
    """Pack the model and put it into the store, every file whole."""
    from mlflow.models import Model

    from flows.registry import packing

    described = Model(
        artifact_path=made.artifact_location,
        run_id=made.source_run_id,
        model_uuid=made.model_id,
        model_id=made.model_id,
    )
    packing.pack(project, folder, described)
    store.client.log_model_artifacts(made.model_id, str(folder))
    sent, there = packing.contents(folder), _stored(store, made.model_id)
    lost = [name for name, size in sent.items() if there.get(name) != size]
    if lost:
        raise OSError(f"{len(lost)} files of the model did not arrive whole, {lost[0]} first")
    fingerprint = {tags.FILES_TAG: packing.fingerprint(folder)}
    store.client.set_logged_model_tags(made.model_id, fingerprint)


def _stored(store: "Store", model: str) -> dict[str, int]:
    """The files of a model in the store and their sizes."""
    sizes: dict[str, int] = {}
    waiting: list[str | None] = [None]
    while waiting:
        for entry in store.client.list_logged_model_artifacts(model, waiting.pop()):
            if entry.is_dir:
                waiting.append(entry.path)
            else:
                sizes[entry.path] = entry.file_size
    return sizes


def _ensure_name(store: "Store", name: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        store.client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
