"""The action `register`: the model in `build/train` becomes a version of a registered model.

A model is registered once, whatever was killed or repeated: its digest finds it again. A version is
made last, when all files of the model lie in the store, and gets the alias `challenger`.
"""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from components.frame.errors import UsageError
from components.frame.params import Params, load_params
from flows.actions import publish as publishing
from flows.pages import model_card, registered_model
from flows.project import Project
from flows.records import identity, ledger
from flows.registry import versions
from flows.runtime import lock
from flows.tracking import outputs as mirror
from flows.tracking import store as tracking

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel, Run
    from mlflow.entities.model_registry import ModelVersion

    from flows.tracking.store import Store

LINEAGE_TAGS = (
    "thawline.run",
    "thawline.data",
    "thawline.git",
    "thawline.base.source",
    "thawline.base.licence",
    "thawline.base.sha256",
    "mlflow.source.git.commit",
)
"""Tags of the run that its version bears too."""


class RegisterParams(Params):
    """Under which name models are registered."""

    name: Annotated[str, Field(min_length=1, max_length=250, pattern=r"^[^/:'`\n]+$")]
    """Name of the registered model; without slash, colon, quotes and line breaks."""


@dataclass(frozen=True)
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

    Raises:
        UsageError: nothing was built, or the run was not published yet.
        UnreachableError: the tracking store is away.
    """
    model = identity.model_digest(project)
    experiment = publishing.load(project).experiment
    with lock.held(lock.actions(project)), tracking.answering(project):
        store = tracking.connect(project, experiment)
        found = versions.versions(store, params.name, model)
        made = found[0] if found else _make(project, store, params.name, model)
        _call_challenger(store, made)
        registered_model.describe(store, params.name)
        ledger.record(
            project,
            "registered",
            name=params.name,
            version=int(made.version),
            model=model,
            files=made.tags[versions.FILES_TAG],
            run=made.tags["thawline.run"],
            store=tracking.store_identity(project),
        )
    what = f"{params.name} version {made.version}"
    message = f"Registered {what}." if not found else f"This model is {what} already."
    return Registered(params.name, int(made.version), model, not found, message)


def load(project: Project) -> RegisterParams:
    """The action's parameters, checked."""
    return load_params(RegisterParams, project.params / "register.yaml")


def _make(project: Project, store: "Store", name: str, model: str) -> "ModelVersion":
    """Put the model's files into the store, then make the version."""
    run = publishing.find_run(store, project)
    if run is None:
        raise UsageError(
            "A version names the run it comes from, but this run is not in MLflow yet. "
            "Publish it: thawline publish"
        )
    logged = _logged(project, store, run, model)
    _show_on_run(store, run, logged)
    _ensure_name(store, name)
    outputs = mirror.Outputs(project)
    tags = {
        registered_model.SCORE_TAG: model_card.score(outputs),
        registered_model.DATA_TAG: mirror.source_name(project),
        registered_model.CLASSES_TAG: model_card.classes(outputs),
        versions.MODEL_TAG: model,
        versions.FILES_TAG: logged.tags[versions.FILES_TAG],
        **{key: run.data.tags[key] for key in LINEAGE_TAGS if key in run.data.tags},
    }
    store.client.create_model_version(
        name,
        f"models:/{logged.model_id}",
        run.info.run_id,
        tags=tags,
        description=model_card.of_version(outputs, run.info.run_id, logged.model_id),
        model_id=logged.model_id,
    )
    first, *others = versions.versions(store, name, model)
    for other in others:  # a lost answer made it twice
        store.client.delete_model_version(name, other.version)
    return first


def _logged(project: Project, store: "Store", run: "Run", model: str) -> "LoggedModel":
    """The model in the store with all its files; what an earlier attempt left half-way goes."""
    query = f"tags.`{versions.MODEL_TAG}` = '{model}'"
    for found in store.client.search_logged_models([store.experiment], query):
        if found.status == versions.READY:
            return found
        store.client.delete_logged_model(found.model_id)
    made = store.client.create_logged_model(
        store.experiment,
        name="model",
        source_run_id=run.info.run_id,
        tags={versions.MODEL_TAG: model},
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
    tags = {versions.FILES_TAG: packing.fingerprint(folder)}
    store.client.set_logged_model_tags(made.model_id, tags)


def _stored(store: "Store", model: str) -> dict[str, int]:
    """The files of a model in the store and their sizes."""
    found: dict[str, int] = {}
    waiting: list[str | None] = [None]
    while waiting:
        for entry in store.client.list_logged_model_artifacts(model, waiting.pop()):
            if entry.is_dir:
                waiting.append(entry.path)
            else:
                found[entry.path] = entry.file_size
    return found


def _ensure_name(store: "Store", name: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        store.client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _call_challenger(store: "Store", version: "ModelVersion") -> None:
    """Set the alias, unless the version is the champion: nobody challenges himself."""
    champion = versions.aliased(store, version.name, versions.CHAMPION)
    if champion is None or champion.version != version.version:
        store.client.set_registered_model_alias(version.name, versions.CHALLENGER, version.version)
