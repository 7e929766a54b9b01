"""The command `thawline status`: what is stale, what is pending, and which model is in use."""

from flows.actions import pending, sync
from flows.building import graph
from flows.project import Project
from flows.records import identity, ledger


def screen(project: Project) -> str:
    """A few lines for a person."""
    return "\n".join([*_stages(project), _pins(project), _actions(project), _champion(project)])


def built_version(project: Project) -> int | None:
    """The version that the model in `build/train` is registered as; None: it is not yet."""
    made = ledger.last(project, "registered", model=identity.model_digest(project))
    return None if made is None else int(made["version"])


def _stages(project: Project) -> list[str]:
    stale = {} if pending.is_built(project) else graph.changes(project)
    if not stale:
        return ["stages    all fresh"]
    width = max(map(len, stale))
    rows = [f"  {name:<{width}}  {graph.reason(why)}" for name, why in stale.items()]
    return ["stages    stale, and with them what follows:", *rows]


def _pins(project: Project) -> str:
    if sync.pinned(project):
        return "world     the images and the starting weights are those that are pinned"
    return "world     the images or the starting weights changed: thawline run, or thawline sync"


def _actions(project: Project) -> str:
    due = pending.pending(project)
    return f"pending   {', '.join(due) if due else 'nothing'}"


def _champion(project: Project) -> str:
    promoted = ledger.last(project, "promoted")
    if promoted is None:
        return "champion  none yet"
    return f"champion  {promoted['name']} version {promoted['version']}"
