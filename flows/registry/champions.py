"""Who the champion is: the registry's alias, and what the ledger knows of it.

MLflow's pages let a person move the alias past the gate. That is theirs to do: it is noted.
"""

from typing import TYPE_CHECKING

from flows.project import Project
from flows.records import ledger
from flows.registry import versions
from flows.tracking import stores

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

    from flows.tracking.stores import Store

BY_HAND = "the alias was set in the registry, past the gate"


def current(project: Project, store: "Store", name: str) -> "ModelVersion | None":
    """The champion by the registry; where the ledger names another one, it is told."""
    champion = versions.aliased(store, name, versions.CHAMPION)
    last = ledger.recorded_champion(project, name)
    if champion is not None and last is not None and _by_hand(project, champion, last):
        promoted(project, champion, previous=last["model"], why=BY_HAND)
    return champion


def promoted(
    project: Project,
    champion: "ModelVersion",
    *,
    previous: str | None,
    why: str,
    said: str | None = None,
) -> None:
    """Write down who is the champion from now on, unless that is the last word already."""
    fact = {
        "name": champion.name,
        "version": int(champion.version),
        "model": versions.digest_of(champion),
        "previous": previous,
        "why": why,
        "said": said,
        "store": stores.store_identity(project),
    }
    last = ledger.recorded_champion(project, champion.name)
    known = ("version", "model", "store")
    if last is None or any(last[field] != fact[field] for field in known):
        ledger.append(project, "promoted", **fact)


def before(project: Project, name: str) -> str | None:
    """The digest of the champion that the present one replaced; None: there was none.

    Whoever went back and goes back again reaches the one before that, not the one they left.
    """
    promotions = ledger.read(project, "promoted", name=name)
    if not promotions:
        return None
    now = promotions[-1]["model"]
    first = next(entry for entry in promotions if entry["model"] == now)
    return None if first["previous"] is None else str(first["previous"])


def _by_hand(project: Project, champion: "ModelVersion", last: ledger.Entry) -> bool:
    """Whether the alias was moved after the last promotion that the ledger has.

    Where it still names the champion before, that promotion may have been killed between ledger
    and alias; not so once a run found nothing left to do.
    """
    model = versions.digest_of(champion)
    if model == last["model"]:
        return False
    settled = ledger.last(project, "nothing", after=last) is not None
    return model != last["previous"] or settled
