"""The flow: one task a stage in the order of their edges, then one an action.

Annotations are no strings here: Prefect reads them.
"""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from components.frame.durations import duration
from components.frame.errors import ThawlineError, UnreachableError
from flows.actions import action, pending
from flows.building import graph, stages
from flows.building.graph import Node
from flows.building.reproduce import Outcome
from flows.building.stages import StageFailedError
from flows.gate import other_data
from flows.pipeline import outlook, summary
from flows.pipeline.outlook import Outlook
from flows.project import Project, enter, environment, find
from flows.runtime import at_work, process
from flows.runtime.crash_log import unforeseen
from flows.runtime.process import Child

SIGNALS = 128
"""Exit codes from here up mean a signal."""
BRINGS = "ingest"
"""The stage after which it is known what the images show."""
WORTH_TELLING = 60.0
"""Seconds of a task after which what is left is told anew."""
NO_OUTLOOK = "no forecast: the images or the speed of this machine could not be found out"
NAMES: dict[Outcome, str] = {"ran": "Ran", "restored": "Restored", "unchanged": "Cached"}


@dataclass
class Report:
    """What became of the tasks of a run, in their order."""

    states: dict[str, State[Any]] = field(default_factory=dict)
    codes: dict[str, int] = field(default_factory=dict)
    """The exit code of each failed task."""
    seconds: dict[str, float] = field(default_factory=dict)
    outlook: Outlook | None = None
    """On what is still to be done."""

    @property
    def exit_code(self) -> int:
        """That of the first failed task; 0: none failed."""
        return next(iter(self.codes.values()), 0)

    @contextlib.contextmanager
    def timed(self, project: Project, name: str) -> Iterator[None]:
        """Note that a task works, and how long it did."""
        begun = time.monotonic()
        at_work.note(project, name)
        try:
            yield
        finally:
            self.seconds[name] = time.monotonic() - begun

    def tell_left(self, name: str) -> None:
        """Take up that a task has ended, and say how long the rest may take."""
        if self.outlook is not None and name in self.outlook.left:
            ran = self.states[name].name in ("Ran", "Done")
            took = self.seconds.get(name, 0.0)
            self.outlook.done(name, took, whole=ran)
            say(self.outlook.sentence() if took >= WORTH_TELLING else "")

    def note(self, project: Project, name: str, state: State[Any]) -> bool:
        """Take up how a task ended; whether it ended well."""
        self.states[name] = state
        if not state.is_completed() and name not in self.codes:  # nobody foresaw it
            self.codes[name] = 1
            error = state.result(raise_on_failure=False)
            if isinstance(error, Exception):
                fault = unforeseen(project, name, error)
                self.codes[name] = fault.exit_code
                get_run_logger().error("%s: %s", name, fault)
        return bool(state.is_completed())

    def touched(self, name: str) -> bool:
        """Whether a task made something new, or tried to."""
        return self.states[name].name != "Cached"


class RunFailedError(Exception):
    """A stage or an action did not end well."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@flow(name="finetune", persist_result=False)
def finetune() -> State[Any]:
    """Build what is stale, then publish, register, judge, promote and push what is pending."""
    project = find()
    enter(project)
    report = Report()
    with at_work.noted(project):
        if do_action(project, "sync", report):
            build_all(project, report)
            do_actions(project, report)
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
    if tasks := graph.following(nodes, stale):
        report.outlook = outlook.of(project, [*tasks, *action.AFTER_BUILD])
        say(report.outlook.sentence() if report.outlook else NO_OUTLOOK)
    with watch:
        for node in nodes:
            doubtful = node.name in stale or any(report.touched(name) for name in node.needs)
            needed = [report.states[name] for name in node.needs]
            state = stage_task(project, node, report, doubtful=doubtful)(
                wait_for=needed, return_state=True
            )
            if not report.note(project, node.name, state):
                return
            report.tell_left(node.name)
    seen = pending.snapshot(project)
    if not graph.changes(project):
        pending.remember_built(project, seen)


def do_actions(project: Project, report: Report) -> None:
    """A task for every pending action, in order; the first that fails leaves the rest pending."""
    if report.exit_code:
        return
    due = pending.pending(project)
    for name in action.AFTER_BUILD:
        if name not in due:
            settled(project, name, report)
        elif do_action(project, name, report):
            pending.remember_action(project, name)
            report.tell_left(name)
        else:
            return
    say(report.outlook.verdict() if report.outlook else "")


def say(sentence: str) -> None:
    """A line in the log of the run, where there is anything to say."""
    if sentence:
        get_run_logger().info(sentence)


def stage_task(project: Project, node: Node, report: Report, *, doubtful: bool) -> Any:  # noqa: ANN401  # Prefect's
    """The Prefect task of a stage; exit code 5 and signals are worth a retry, nothing else is."""

    def worth_retry(_task: Any, _run: Any, _state: Any) -> bool:  # noqa: ANN401  # Prefect's
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
        with report.timed(project, node.name):
            try:
                state = build(project, node, doubtful=doubtful)
                if node.name == BRINGS:
                    other_data.refuse(project)
            except ThawlineError as error:
                state = failed(report, node.name, error)
        return state

    return stage


def build(project: Project, node: Node, *, doubtful: bool) -> State[Any]:
    """Have a stage built where DVC finds it stale."""
    log = get_run_logger()
    why = graph.changes(project, node.name).get(node.name) if doubtful else None
    if not why:
        log.info("unchanged")
        return Completed(name="Cached", message="nothing that it depends on changed")
    log.info("begins: %s", graph.reason(why))
    begun = time.monotonic()
    outcome = stages.build(project, node, log.info)
    message = f"{outcome} in {duration(time.monotonic() - begun)}"
    log.info(message)
    return Completed(name=NAMES[outcome], message=message)


def do_action(project: Project, name: str, report: Report) -> bool:
    """A task for an action; whether it is done."""

    @task(name=name, task_run_name=name, cache_policy=NO_CACHE, persist_result=False)
    def perform() -> State[Any]:
        with report.timed(project, name):
            try:
                message = action.perform(project, name)
            except ThawlineError as error:
                return failed(report, name, error)
        get_run_logger().info(message)
        return Completed(name="Done", message=message)

    return report.note(project, name, perform(return_state=True))


def failed(report: Report, name: str, error: ThawlineError) -> State[Any]:
    """The state of a task that did not end well, told in the log."""
    report.codes[name] = error.exit_code
    get_run_logger().error("%s", error)
    if isinstance(error, StageFailedError):
        return Failed(name=error.state, message=str(error))
    return Failed(
        name="Pending" if isinstance(error, UnreachableError) else "Failed", message=str(error)
    )


def settled(project: Project, name: str, report: Report) -> None:
    """A task for an action that is not pending: shown, not done."""

    @task(name=name, task_run_name=name, cache_policy=NO_CACHE, persist_result=False)
    def perform() -> State[Any]:
        return Completed(name="Cached", message="done before for what is built")

    report.note(project, name, perform(return_state=True))


@contextlib.contextmanager
def live_publisher(project: Project) -> Iterator[None]:
    """Have what the stages tell mirrored while they run, by a process that cannot hold them up.

    What it complains of again and again is told once.
    """
    log = get_run_logger()
    told: set[str] = set()

    def say(line: str) -> None:
        if line not in told:
            told.add(line)
            log.warning(line)

    child = Child(
        process.module("flows.actions.publish", "--live"),
        folder=project.root,
        environment=environment(project),
        say=say,
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
    result = [] if report.exit_code else ["", summary.markdown(project)]
    create_markdown_artifact(key="finetune", markdown="\n".join([*table, *result]))
