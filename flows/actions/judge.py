"""The action `judge`: is the new model better than the one in use? The answer goes to the ledger.

Both answer the same frozen test images, without those that the champion was trained on; a paired
test of their scores says how surprising the difference is. Nothing is promoted here.
"""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from components.frame.params import Params
from flows.project import Project
from flows.records import identity, ledger
from flows.registry import versions
from flows.tracking import stores
from flows.tracking.outputs import Outputs

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

    from flows.gate.verdict import Verdict
    from flows.tracking.stores import Store

MIRRORED = ("promote", "reason", "p_value", "images", "champion_score", "challenger_score")
"""Fields of a verdict that stand as tags on the version, too."""


class JudgeParams(Params):
    """When `judge` calls the new model (challenger) better than the one in use (champion)."""

    alpha: Annotated[float, Field(gt=0, le=0.5)] = 0.05
    """Largest chance of promoting a model that is no better; by a one-sided paired test."""


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
    name = versions.model_name(project)
    with stores.opened(project) as store:
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


def _without_champion(project: Project, challenger: "ModelVersion") -> Judged:
    """The registry has no champion: the ledger knows whether there ever was one."""
    from flows.gate import verdict

    name, model = challenger.name, versions.digest_of(challenger)
    last = ledger.recorded_champion(project, name)
    if last is None:
        nobody = dict.fromkeys(("champion", "test_set", "alpha", "left_out"))
        return _entered(project, {"name": name, "challenger": model, **nobody}, verdict.first())
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

    from flows.gate.champion import fair

    scored = pd.read_parquet(identity.built(project, "build/evaluate/predictions.parquet"))
    images = fair(project, champion, scored)
    fact = {
        "name": challenger.name,
        "challenger": versions.digest_of(challenger),
        "champion": versions.digest_of(champion),
        "test_set": identity.digest(images[["sha256", "true"]].to_numpy().tolist()),
        "alpha": alpha,
    }
    known = ledger.last(project, "verdict", **fact)
    if known is not None:
        return _told(known)
    fact["left_out"] = len(scored) - len(images)
    return _entered(project, fact, _verdict(project, alpha, champion, images))


def _verdict(
    project: Project,
    alpha: float,
    champion: "ModelVersion",
    images: Any,  # noqa: ANN401  # a data frame
) -> "Verdict":
    from flows.gate import verdict
    from flows.gate.champion import answers, learned

    task, its = Outputs(project).task, learned(project, champion)
    if task.name != its.name:
        return verdict.other_task(task.name, its.name)
    served = answers(project, champion, versions.digest_of(champion), images)
    comparison = verdict.Comparison(
        score_name=task.score_name,
        challenger=images["score"].tolist(),
        champion=its.grade(served, images["true"]).tolist(),
        answerable=its.answerable(images["true"]).tolist(),
        lacking=task.lacking(its),
    )
    return verdict.decide(comparison, alpha)


def _entered(project: Project, fact: dict[str, Any], decided: "Verdict") -> Judged:
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
