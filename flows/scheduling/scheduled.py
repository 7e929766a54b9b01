"""The flow as a schedule starts it: nothing heavier than Prefect before the first question.

Annotations are no strings here: Prefect reads them.
"""

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from prefect import flow, get_run_logger, runtime
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import State, StateType
from prefect.states import Completed, Failed

from components.frame.errors import ThawlineError, UnreachableError
from flows.parameters import once
from flows.pipeline import command, summary
from flows.project import Project, enter, find
from flows.runtime import locks
from flows.runtime.crash_log import unforeseen
from flows.scheduling.schedule import Overlap

SKIPPED = "Skipped"
LATE = timedelta(minutes=1)
"""A run that starts so long after it was due may have been overtaken by another."""


@flow(name="finetune", persist_result=False)
def scheduled(overlap: Overlap = "skip") -> State[Any]:
    """Do what `thawline run` does: build what is stale, then do the actions that are pending.

    Args:
        overlap: what to do while another run works in the project: `skip` this one, or `wait`.
    """
    project = find()
    enter(project)
    try:
        if was_overtaken():
            return skipped("another run began after this one was due, and did its work")
        with alone(project, overlap) as ours:
            return work(project) if ours else skipped("another run is under way in the project")
    except ThawlineError as error:
        get_run_logger().error("error: %s", error)
        return Failed(message=str(error))
    except Exception as error:  # noqa: BLE001  # an internal error: its traceback goes to the log
        message = str(unforeseen(project, "scheduled", error))
        get_run_logger().error("error: %s", message)
        return Failed(message=message)


def work(project: Project) -> State[Any]:
    """The run itself, with no other under way.

    Raises:
        ThawlineError: something that a run needs is missing; nothing was begun.
    """
    log = get_run_logger()
    once.restore(project)
    if command.nothing_to_do(project):
        log.info(command.note_nothing(project))
        return Completed(name="Nothing to do", message=command.WHY_NOTHING)
    command.check(project)
    from flows.pipeline.finetune import finetune

    state: State[Any] = finetune.fn()
    if state.is_completed():
        for heading, text in summary.facts(project):
            log.info("%s: %s", heading, text)
    return state


def skipped(why: str) -> State[Any]:
    """The end of a run that did nothing, because another one did or does."""
    get_run_logger().info("Skipped: %s.", why)
    return Completed(name=SKIPPED, message=why)


@contextlib.contextmanager
def alone(project: Project, overlap: Overlap) -> Iterator[bool]:
    """Keep other runs out of the project; whether that succeeded, with `wait` it does in time."""
    if overlap == "wait":
        with locks.run(project, wait=True):
            yield True
        return
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(locks.run(project))
        except UnreachableError:
            yield False
        else:
            yield True


def was_overtaken() -> bool:
    """Whether a run of the same deployment began after this one was due, and saw all it would.

    After a pause of the machine all missed runs come at once; so one of them is enough.
    """
    deployment = runtime.deployment.id
    due = runtime.flow_run.scheduled_start_time
    if deployment is None or datetime.now(UTC) - due < LATE:
        return False
    ended = [StateType.COMPLETED, StateType.FAILED]
    with get_client(sync_client=True) as client:
        later = client.read_flow_runs(
            flow_run_filter=FlowRunFilter(
                deployment_id=FlowRunFilterDeploymentId(any_=[UUID(deployment)]),
                start_time=FlowRunFilterStartTime(after_=due),
                state=FlowRunFilterState(type=FlowRunFilterStateType(any_=ended)),
            )
        )
    return any(other.state_name != SKIPPED for other in later)
