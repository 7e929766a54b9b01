"""The action `judge`: is the new model better than the one in use? The answer goes to the ledger.

Both name the same frozen test images, without those that the champion was trained on; the exact
one-sided McNemar test says how surprising the difference is. Nothing is promoted here.
"""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from components.frame.params import Params, load_params
from flows.actions import publish as publishing
from flows.actions import register as registering
from flows.project import Project
from flows.records import identity, ledger
from flows.registry import versions
from flows.runtime import lock
from flows.tracking import store as tracking

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

    from flows.gate.verdict import Comparison
    from flows.tracking.store import Store

MIRRORED = ("promote", "reason", "p_value", "images", "champion_accuracy", "challenger_accuracy")
"""Fields of a verdict that stand as tags on the version, too."""


class JudgeParams(Params):
    """When the new model counts as better."""

    alpha: Annotated[float, Field(gt=0, le=0.5)]
    """Largest accepted chance of promoting a model that is no better."""


@dataclass(frozen=True)
class Judged:
    """The verdict on the model in `build/train`."""

    entry: ledger.Entry | None
    """As the ledger has it; None where there was nothing to judge."""
    promote: bool
    message: str
    """One sentence for the log."""


def judge(project: Project, params: JudgeParams) -> Judged:
    """Compare the registered model of `build/train` with the champion.

    Raises:
        UsageError: the model was not registered yet.
        DataError: the champion's files are not those that were registered.
        UnreachableError: the tracking store is away.
    """
    name = registering.load(project).name
    with lock.held(lock.actions(project)), tracking.answering(project):
        store = tracking.connect(project, publishing.load(project).experiment)
        challenger = versions.registered(store, name, identity.model_digest(project))
        champion = versions.aliased(store, name, versions.CHAMPION)
        if champion is None:
            judged = _without_champion(project, challenger)
        elif versions.digest_of(champion) == versions.digest_of(challenger):
            judged = Judged(None, promote=False, message=f"{_called(challenger)} is the champion.")
        else:
            judged = _compare(project, params.alpha, challenger, champion)
        if judged.entry is not None:
            _mirror(store, challenger, judged.entry)
    return judged


def load(project: Project) -> JudgeParams:
    """The action's parameters, checked."""
    return load_params(JudgeParams, project.params / "judge.yaml")


def _without_champion(project: Project, challenger: "ModelVersion") -> Judged:
    """The registry has no champion: the ledger knows whether there ever was one."""
    from flows.gate import verdict

    name, model = challenger.name, versions.digest_of(challenger)
    last = ledger.recorded_champion(project, name)
    if last is None:
        return _entered(
            project, {"name": name, "challenger": model, "champion": None}, verdict.first()
        )
    if last["model"] == model:
        message = f"{_called(challenger)} is the champion by the ledger: the alias is pending."
        return Judged(None, promote=True, message=message)
    return Judged(
        None,
        promote=False,
        message=(
            f"The ledger names {name} version {last['version']} as the champion, but the registry "
            "has none, so nothing is promoted by itself. Bring back the store, or choose the "
            f"champion: thawline promote {challenger.version} --anyway"
        ),
    )


def _compare(
    project: Project, alpha: float, challenger: "ModelVersion", champion: "ModelVersion"
) -> Judged:
    """Judge by images, unless the ledger has this very verdict already."""
    import pandas as pd

    from flows.gate import champion as scoring
    from flows.gate import verdict

    found = pd.read_parquet(identity.built(project, "build/evaluate/predictions.parquet"))
    images = scoring.fair(project, champion, found)
    fact = {
        "name": challenger.name,
        "challenger": versions.digest_of(challenger),
        "champion": versions.digest_of(champion),
        "test_set": identity.digest(images[["sha256", "class"]].to_numpy().tolist()),
        "alpha": alpha,
    }
    known = ledger.last(project, "verdict", **fact)
    if known is not None:
        return _told(known)
    fact["left_out"] = len(found) - len(images)
    comparison = _comparison(project, champion, images)
    return _entered(project, fact, verdict.decide(comparison, alpha))


def _comparison(
    project: Project,
    champion: "ModelVersion",
    images: Any,  # noqa: ANN401  # a data frame
) -> "Comparison":
    from components.frame import files
    from flows.gate import champion as scoring
    from flows.gate.verdict import Comparison

    network = files.read_json(project.build / "train" / "network.json")
    fingerprint = versions.fingerprint(project, champion)
    answers = scoring.predictions(
        project, champion, versions.digest_of(champion), fingerprint, images
    )
    return Comparison(
        truth=images["class"].tolist(),
        challenger=images["prediction"].tolist(),
        champion=answers,
        challenger_classes=frozenset(network["classes"]),
        champion_classes=frozenset(scoring.classes(project, champion)),
    )


def _entered(project: Project, fact: dict[str, Any], decided: Any) -> Judged:  # noqa: ANN401
    ledger.record(project, "verdict", **fact, **asdict(decided))
    entry = ledger.last(project, "verdict", **fact)
    assert entry is not None  # noqa: S101  # it was just written
    return _told(entry)


def _told(entry: ledger.Entry) -> Judged:
    return Judged(entry, entry["promote"], f"Verdict on the new model: {entry['reason']}")


def _mirror(store: "Store", version: "ModelVersion", entry: ledger.Entry) -> None:
    """Put the verdict on the version's page."""
    for field in MIRRORED:
        key, value = f"thawline.verdict.{field}", str(entry[field])
        if entry[field] is not None and version.tags.get(key) != value:
            store.client.set_model_version_tag(version.name, version.version, key, value)


def _called(version: "ModelVersion") -> str:
    return f"{version.name} version {version.version}"
