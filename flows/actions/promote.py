"""The action `promote`: the version that the verdict allows becomes the champion.

A person may name a version; where no verdict allows it, only on saying so, and the ledger keeps it.
The ledger is written first and the alias set then: killed in between, the next run sets it.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.frame.errors import GateRefusedError, UsageError
from flows.pages import registered_model
from flows.project import Project
from flows.records import identity, ledger
from flows.registry import champions, versions
from flows.tracking import stores

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

    from flows.tracking.stores import Store

BY_VERDICT = "verdict"
BY_LEDGER = "the ledger names it"
BY_PERSON = "a person, against the gate"
BACK = "a person went back"


@dataclass(frozen=True)
class Promoted:
    """Who is champion now."""

    name: str
    version: int | None
    """None: there is no champion."""
    changed: bool
    message: str
    """One sentence for the log."""


def promote(
    project: Project,
    *,
    version: int | None = None,
    anyway: bool = False,
    said: str | None = None,
) -> Promoted:
    """Make a version the champion: by default that of `build/train`, if the verdict allows it.

    Args:
        project: the project.
        version: the version that a person chose.
        anyway: that person's word against the gate.
        said: that person's reason, for the ledger.

    Raises:
        GateRefusedError: a person chose a version that no verdict allows.
        UsageError: there is no such version.
        UnreachableError: the tracking store is away.
    """
    name = versions.model_name(project)
    with stores.opened(project) as store:
        chosen = _chosen(project, store, name, version)
        by_person = BY_PERSON if anyway and version is not None else None
        asked = version is not None
        promoted = _decided(project, store, chosen, asked=asked, by_person=by_person, said=said)
        registered_model.describe(store, name)
    return promoted


def rollback(project: Project, said: str | None = None) -> Promoted:
    """Make the champion before the present one the champion again; no older verdict undoes it.

    Raises:
        UsageError: there was none before.
        UnreachableError: the tracking store is away.
    """
    name = versions.model_name(project)
    with stores.opened(project) as store:
        champions.current(project, store, name)
        model = champions.before(project, name)
        if model is None:
            raise UsageError(
                f"The champion of {name} must have replaced another one to go back to, but none is "
                "known. What the ledger knows: thawline history"
            )
        chosen = versions.registered(store, name, model)
        promoted = _decided(project, store, chosen, asked=True, by_person=BACK, said=said)
        registered_model.describe(store, name)
    return promoted


def _decided(  # who asks, and what for
    project: Project,
    store: "Store",
    chosen: "ModelVersion",
    *,
    asked: bool,
    by_person: str | None,
    said: str | None,
) -> Promoted:
    """Promote the chosen version, if anything allows it."""
    champion = champions.current(project, store, chosen.name)
    if champion is not None and champion.version == chosen.version:
        versions.uncall_challenger(store, champion)  # a promotion killed half-way left it both
        message = f"{chosen.name} version {champion.version} is the champion already."
        return Promoted(chosen.name, int(champion.version), changed=False, message=message)
    why = _allowed(project, chosen, champion) or by_person
    if why is None:
        return _refused(project, champion, chosen, asked=asked)
    previous = None if champion is None else versions.digest_of(champion)
    champions.promoted(project, chosen, previous=previous, why=why, said=said)
    store.client.set_registered_model_alias(chosen.name, versions.CHAMPION, chosen.version)
    versions.uncall_challenger(store, chosen)
    message = f"{chosen.name} version {chosen.version} is the champion now ({why})."
    return Promoted(chosen.name, int(chosen.version), changed=True, message=message)


def _chosen(project: Project, store: "Store", name: str, version: int | None) -> "ModelVersion":
    """The version to promote."""
    from mlflow.exceptions import MlflowException

    if version is None:
        return versions.registered(store, name, identity.model_digest(project))
    try:
        return store.client.get_model_version(name, str(version))
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        there = store.client.search_model_versions(f"name = '{name}'")
        numbers = ", ".join(sorted((str(one.version) for one in there), key=int))
        raise UsageError(
            f"A version of {name} must be named, but there is no {version}. There are: {numbers}."
        ) from None


def _allowed(
    project: Project, chosen: "ModelVersion", champion: "ModelVersion | None"
) -> str | None:
    """What allows the promotion over the champion of this moment; None: nothing does.

    A verdict counts until somebody is promoted: whoever goes back to an earlier champion is not
    overruled by what was said before. Where the package was refused nothing does.
    """
    from flows.gate import package

    name, model = chosen.name, versions.digest_of(chosen)
    if package.refusal(project, name, model) is not None:
        return None
    against = None if champion is None else versions.digest_of(champion)
    last = ledger.recorded_champion(project, name)
    if last is not None and last["model"] == model and against in (None, last["previous"]):
        return BY_LEDGER  # killed before the alias was set, or the store was lost
    if last is not None and champion is None:
        return None
    about = {"name": name, "challenger": model, "champion": against}
    verdict = ledger.last(project, "verdict", after=last, **about)
    return BY_VERDICT if verdict is not None and verdict["promote"] else None


def _refused(
    project: Project, champion: "ModelVersion | None", chosen: "ModelVersion", *, asked: bool
) -> Promoted:
    """Leave everything as it is; an error only for a person who asked."""
    from flows.gate import package

    verdict = _last_verdict(project, chosen)
    now = None if champion is None else int(champion.version)
    stays = "there is no champion" if now is None else f"version {now} stays the champion"
    because = package.refusal(project, chosen.name, versions.digest_of(chosen))
    if asked and because:
        raise GateRefusedError(
            f"Only a version that answers as `evaluate` did is promoted, but {chosen.name} version "
            f"{chosen.version} does not: {stays}. {because} To promote it all the same: "
            f"thawline promote {chosen.version} --anyway"
        )
    if asked:
        raise GateRefusedError(
            f"Only a verdict over the champion of today promotes a version, but there is none for "
            f"{chosen.name} version {chosen.version}: {stays}. To promote it all the same: "
            f'thawline promote {chosen.version} --anyway --reason "..."{verdict}'
        )
    message = f"Nothing to promote: {stays}.{verdict}"
    return Promoted(chosen.name, now, changed=False, message=message)


def _last_verdict(project: Project, chosen: "ModelVersion") -> str:
    """The last verdict on a version, where it speaks against it, in a sentence."""
    about = {"name": chosen.name, "challenger": versions.digest_of(chosen)}
    last = ledger.last(project, "verdict", **about)
    if last is None:
        return f" No verdict on version {chosen.version} was given yet: thawline judge"
    if last["promote"]:
        return ""
    advice = f" {last['advice']}" if last["advice"] else ""
    return f" The last verdict on version {chosen.version}: {last['reason']}{advice}"
