"""The command `thawline status`: what is stale, what is pending, and which model is in use."""

import time

from components.frame.durations import duration
from components.study import show
from flows.actions import pending, sync
from flows.building import graph
from flows.pipeline import outlook
from flows.project import Project
from flows.records import identity, ledger
from flows.runtime import at_work
from flows.tracking import under_way

WIDTH = 10
"""Of the column of names."""


def screen(project: Project) -> str:
    """A few lines for a person: what is stale, or how the run stands that is under way."""
    run = at_work.now(project)
    if run is not None:
        return "\n".join([*under_way_lines(project, run), _champion(project)])
    return "\n".join([*_stages(project), _pins(project), _actions(project), _champion(project)])


def under_way_lines(project: Project, run: at_work.AtWork) -> list[str]:
    """How a run stands, by what it told: nothing is asked of it, and nothing held."""
    now = time.time()
    rows = [("run", f"under way for {duration(now - run.began)}")]
    if run.task:
        rows.append(("task", f"{run.task}, for {duration(now - run.since)}"))
        told = under_way.stage(project, run.task)
        rows += [] if told.finished else under_way.facts(told, now)
        rows += _after(project, run.task)
    return [f"{name:<{WIDTH}}{text}" for name, text in rows]


def built_version(project: Project) -> int | None:
    """The version that the model in `build/train` is registered as; None: it is not yet."""
    made = ledger.last(project, "registered", model=identity.model_digest(project))
    return None if made is None else int(made["version"])


def _after(project: Project, task: str) -> list[tuple[str, str]]:
    """What is to come behind a task, by the run's forecast."""
    to_come = sum(each for name, each in outlook.kept(project).items() if name != task)
    return [("then", f"about {duration(to_come)} for the rest, by forecast")] if to_come else []


def search(project: Project) -> str:
    """What the search under way has tried so far, else what the last one did.

    Raises:
        UsageError: no search ended yet, and none is under way.
    """
    run = at_work.now(project)
    if run is None or run.task != "search":
        return show.text(project.build / "search")
    told = under_way.stage(project, run.task)
    return "\n".join([*under_way.trials(told), "", *under_way_lines(project, run)])


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
