"""The action `judge`: is the new model better than the one in use? The answer goes to the ledger.

Both answer the same frozen test images, without those that the champion was trained on; a paired
test of their scores says how surprising the difference is. Nothing is promoted here. Before that
the new model's package must answer as `evaluate` did, loaded from the store.
"""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from components.frame.errors import GateRefusedError
from components.frame.params import Params
from flows.pages import registered_model
from flows.project import Project
from flows.records import identity, ledger
from flows.registry import champions, versions
from flows.tracking import stores
from flows.tracking.outputs import Outputs

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.entities.model_registry import ModelVersion

    from components.tasks.task import Task
    from flows.gate.verdict import Comparison, Verdict
    from flows.tracking.stores import Store

MIRRORED = ("promote", "reason", "advice", "refused", "images", "earlier")
"""Fields of a verdict that stand as tags on the version, too: its reason tells the figures."""


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
        GateRefusedError: the package of the registered model does not answer as `evaluate` did.
        UnreachableError: the tracking store is away.
    """
    from flows.gate import package

    name = versions.model_name(project)
    with stores.opened(project) as store:
        challenger = versions.registered(store, name, identity.model_digest(project))
        champion = champions.current(project, store, name)
        if champion and versions.digest_of(champion) == versions.digest_of(challenger):
            return Judged(None, promote=False, message=f"{_called(challenger)} is the champion.")
        if fault := package.fault(project, challenger):
            refused = _refused(project, store, challenger, champion, fault)
            _show(project, store)
            raise refused
        versions.call_challenger(store, challenger)
        if champion is None:
            judged = _without_champion(project, challenger)
        else:
            judged = _compare(project, store, params.alpha, challenger, champion)
        if judged.entry is not None:
            _mirror(store, challenger, judged.entry)
        _show(project, store)
    return judged


def _show(project: Project, store: "Store") -> None:
    """Have the page of the run say what was judged."""
    from flows.pages import run_page
    from flows.tracking import runs

    run = runs.published(store, project)
    if run is not None:
        run_page.bring(project, store, run.info.run_id)


def _refused(
    project: Project,
    store: "Store",
    challenger: "ModelVersion",
    champion: "ModelVersion | None",
    fault: str,
) -> GateRefusedError:
    """Keep a version out whose package is not what was measured: no alias, and the reason told."""
    from flows.gate import verdict

    about = {
        "name": challenger.name,
        "challenger": versions.digest_of(challenger),
        "champion": None if champion is None else versions.digest_of(champion),
        **dict.fromkeys(("test_set", "alpha", "left_out", "earlier")),
    }
    judged = _entered(project, challenger, about, verdict.refused(fault))
    assert judged.entry is not None  # noqa: S101  # it was just written
    _mirror(store, challenger, judged.entry)
    versions.uncall_challenger(store, challenger)
    registered_model.describe(store, challenger.name)
    stays = f"version {champion.version} stays" if champion else "there is none"
    return GateRefusedError(
        f"A version must answer as `evaluate` did before it may be champion ({stays}), but "
        f"{_called(challenger)} does not: {fault} Put its files in the store right, or delete the "
        "version in MLflow to have it packed anew, then: thawline run"
    )


def _without_champion(project: Project, challenger: "ModelVersion") -> Judged:
    """The registry has no champion: the ledger knows whether there ever was one."""
    from flows.gate import verdict

    name, model = challenger.name, versions.digest_of(challenger)
    last = ledger.recorded_champion(project, name)
    if last is None:
        nobody = dict.fromkeys(("champion", "test_set", "alpha", "left_out", "earlier"))
        fact = {"name": name, "challenger": model, **nobody}
        return _entered(project, challenger, fact, verdict.first())
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
    project: Project,
    store: "Store",
    alpha: float,
    challenger: "ModelVersion",
    champion: "ModelVersion",
) -> Judged:
    """Judge by images, unless the ledger has this very verdict already."""
    import pandas as pd

    from flows.gate import forgetting, verdict
    from flows.gate.champion import fair, learned

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
    fact |= {"left_out": len(scored) - len(images), "earlier": None}
    task, its = Outputs(project).task, learned(project, champion)
    if task.name != its.name:
        return _entered(project, challenger, fact, verdict.other_task(task.name, its.name))
    comparison = _comparison(project, champion, images, task, its)
    fact["earlier"] = forgetting.measured(project, store, challenger, images, comparison)
    return _entered(project, challenger, fact, verdict.decide(comparison, alpha))


def _comparison(
    project: Project,
    champion: "ModelVersion",
    images: "pd.DataFrame",
    task: "Task",
    its: "Task",
) -> "Comparison":
    """The scores of both for the images; `its` is what the champion learned."""
    from flows.gate.champion import answers
    from flows.gate.verdict import Comparison

    served = answers(project, champion, versions.digest_of(champion), images)
    return Comparison(
        score_name=task.score_name,
        shown=task.shown,
        challenger=images["score"].tolist(),
        champion=its.grade(served, images["true"]).tolist(),
        answerable=its.answerable(images["true"]).tolist(),
        lacking=task.lacking(its),
        adding=its.lacking(task),
    )


def _entered(
    project: Project, challenger: "ModelVersion", fact: dict[str, Any], decided: "Verdict"
) -> Judged:
    decision = asdict(decided)
    if decided.advice:
        decision["advice"] = decided.advice.replace("VERSION", str(challenger.version))
    ledger.record(project, "verdict", **fact, **decision)
    entry = ledger.last(project, "verdict", **fact)
    assert entry is not None  # noqa: S101  # it was just written
    return _told(entry)


def _told(entry: ledger.Entry) -> Judged:
    advice = f" {entry['advice']}" if entry["advice"] else ""
    return Judged(entry, entry["promote"], f"Verdict on the new model: {entry['reason']}{advice}")


def _mirror(store: "Store", version: "ModelVersion", entry: ledger.Entry) -> None:
    """Put the verdict on the version's page."""
    for field in MIRRORED:
        key, value = f"thawline.verdict.{field}", str(entry[field])
        if entry[field] is not None and version.tags.get(key) != value:
            store.client.set_model_version_tag(version.name, version.version, key, value)


def _called(version: "ModelVersion") -> str:
    return f"{version.name} version {version.version}"
