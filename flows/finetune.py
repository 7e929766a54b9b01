"""The flow: one task a stage in the order of their edges, then one an act.

Annotations are no strings here: Prefect reads them.
"""

import contextlib
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from components.errors import ThawlineError, UnreachableError
from flows import acts, graph, owed, process, stages, summary
from flows.graph import Node
from flows.process import Child
from flows.project import Project, enter, environment, find
from flows.reproduce import Outcome
from flows.stages import StageFailedError
from flows.summary import duration

SIGNALS = 128
"""Exit codes from here up mean a signal."""
NAMES: dict[Outcome, str] = {"ran": "Ran", "restored": "Restored", "unchanged": "Cached"}


@dataclass
class Report:
    """What became of the tasks of a run, in their order."""

    states: dict[str, State[Any]] = field(default_factory=dict)
    codes: dict[str, int] = field(default_factory=dict)
    """The exit code of each failed task."""
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """That of the first failed task; 0: none failed."""
        return next(iter(self.codes.values()), 0)

    def touched(self, name: str) -> bool:
        """Whether a task made something new, or tried to."""
        return self.states[name].name != "Cached"


class RunFailedError(Exception):
    """A stage or an act did not end well."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@flow(name="finetune", persist_result=False)
def finetune() -> State[Any]:
    """Build what is stale, then publish, register, judge, promote and push what is owed."""
    project = find()
    enter(project)
    report = Report()
    if do_act(project, "sync", report):
        build_all(project, report)
        act_all(project, report)
    describe(project, report)
    if report.exit_code:
        error = RunFailedError(f"{', '.join(report.codes)} failed", report.exit_code)
        return Failed(message=str(error), data=error)
    return Completed(message=", ".join(f"{name} {s.name}" for name, s in report.states.items()))


def build_all(project: Project, report: Report) -> None:
    """A task for every stage; the first that fails ends the row."""
    nodes = graph.nodes(project)
    stale = graph.changes(project)
    watch = live_publisher(project) if stale else contextlib.nullcontext()
    with watch:
        for node in nodes:
            doubtful = node.name in stale or any(report.touched(name) for name in node.needs)
            needed = [report.states[name] for name in node.needs]
            state = stage_task(project, node, report, doubtful=doubtful)(
                wait_for=needed, return_state=True
            )
            report.states[node.name] = state
            if not state.is_completed():
                return
    seen = owed.snapshot(project)
    if not graph.changes(project):
        owed.remember_built(project, seen)


def act_all(project: Project, report: Report) -> None:
    """A task for every act that is owed, in order; the first that fails leaves the rest owed."""
    if report.exit_code:
        return
    due = owed.owed(project)
    for name in acts.AFTER_BUILD:
        if name not in due:
            settled(name, report)
        elif do_act(project, name, report):
            owed.remember_act(project, name)
        else:
            return


def stage_task(project: Project, node: Node, report: Report, *, doubtful: bool) -> Any:  # noqa: ANN401
    """The Prefect task of a stage; exit code 5 and signals are worth a retry, nothing else is."""

    def worth_retry(_task: Any, _run: Any, _state: Any) -> bool:  # noqa: ANN401
        code = report.codes.get(node.name, 1)
        return code == UnreachableError.exit_code or code > SIGNALS

    @task(
        name=node.name,
        task_run_name=node.name,
        retries=node.meta.retries,
        retry_delay_seconds=node.meta.retry_delay_seconds,
        retry_condition_fn=worth_retry,
        cache_policy=NO_CACHE,
        persist_result=False,
    )
    def stage() -> State[Any]:
        report.codes.pop(node.name, None)
        why = graph.changes(project, node.name).get(node.name) if doubtful else None
        if not why:
            get_run_logger().info("unchanged")
            return Completed(name="Cached", message="nothing that it depends on changed")
        return build(project, node, report, why)

    return stage


def build(project: Project, node: Node, report: Report, why: dict[str, str]) -> State[Any]:
    """Have a stale stage built, and say how that ended."""
    log = get_run_logger()
    log.info("begins: %s", graph.reason(why))
    begun = time.monotonic()
    try:
        outcome = stages.build(project, node, log.info)
    except StageFailedError as error:
        report.codes[node.name] = error.exit_code
        log.error("%s", error)  # noqa: TRY400  # the stage itself said why
        return Failed(name=error.state, message=str(error))
    finally:
        report.seconds[node.name] = time.monotonic() - begun
    message = f"{outcome} in {duration(report.seconds[node.name])}"
    log.info(message)
    return Completed(name=NAMES[outcome], message=message)


def do_act(project: Project, name: str, report: Report) -> bool:
    """A task for an act; whether it is done."""

    @task(name=name, task_run_name=name, cache_policy=NO_CACHE, persist_result=False)
    def act() -> State[Any]:
        log = get_run_logger()
        begun = time.monotonic()
        try:
            message = acts.perform(project, name)
        except ThawlineError as error:
            report.codes[name] = error.exit_code
            log.error("%s", error)  # noqa: TRY400  # a sentence for people
            away = isinstance(error, UnreachableError)
            return Failed(name="Owed" if away else "Failed", message=str(error))
        finally:
            report.seconds[name] = time.monotonic() - begun
        log.info(message)
        return Completed(name="Done", message=message)

    report.states[name] = act(return_state=True)
    return report.states[name].is_completed()


def settled(name: str, report: Report) -> None:
    """A task for an act that is not owed: shown, not done."""

    @task(name=name, task_run_name=name, cache_policy=NO_CACHE, persist_result=False)
    def act() -> State[Any]:
        return Completed(name="Cached", message="done before for what is built")

    report.states[name] = act(return_state=True)


@contextlib.contextmanager
def live_publisher(project: Project) -> Iterator[None]:
    """Have what the stages tell mirrored while they run, by a process that cannot hold them up."""
    child = Child(
        process.module("flows.publish", "--live"),
        folder=project.root,
        environment=environment(project),
        say=get_run_logger().warning,
    )
    try:
        yield
    finally:
        child.release()


def describe(project: Project, report: Report) -> None:
    """Keep the run as a table and its result on Prefect's page of it."""
    rows = [
        f"| {name} | {state.name} | {duration(report.seconds.get(name, 0))} | {state.message} |"
        for name, state in report.states.items()
    ]
    table = ["| task | state | took | |", "|---|---|---|---|", *rows]
    text = "\n".join(table)
    create_markdown_artifact(key="finetune", markdown=f"{text}\n\n{summary.markdown(project)}")


def main() -> None:
    """Run the flow below `thawline run`, and leave with the exit code of what failed first."""
    process.tie_alone()
    try:
        state = finetune(return_state=True)
    except KeyboardInterrupt:
        sys.exit(130)
    if not state.is_completed():
        error = state.result(raise_on_failure=False)
        sys.exit(error.exit_code if isinstance(error, RunFailedError) else 1)


if __name__ == "__main__":
    main()
