"""The command `thawline schedule`: a light parent of the process that keeps the schedule.

That one has a session of its own, so that Ctrl-C reaches it through us alone: it ends the run under
way and its server in that order.
"""

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import Literal

from components.frame import files
from components.frame.errors import UnreachableError, UsageError
from flows.project import Project, environment
from flows.runtime import locks, prefect_server, process

Overlap = Literal["skip", "wait"]
STOPPING = "Stopping the run, if one is under way, and the schedule. Again: they are ended at once."
STOPPED = "The schedule is stopped; finished stages, trials and epochs are kept."


@dataclass(frozen=True, kw_only=True)
class ScheduleOptions:
    """What a person asked for."""

    cron: str
    timezone: str = "UTC"
    overlap: Overlap = "skip"
    """What becomes of a run that comes due while another one works."""
    name: str = "thawline"
    """Of the deployment, by which a Prefect server tells projects apart."""
    port: int | None = None
    """Of the server that we start; None: the first free one."""

    def to_json(self) -> str:
        """As a word of a command line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "ScheduleOptions":
        """What `to_json` wrote."""
        return cls(**json.loads(text))


def schedule(project: Project, options: ScheduleOptions) -> int:
    """Keep a schedule until a signal comes; the exit code.

    Raises:
        UsageError: a port is asked for beside a server that is named.
        UnreachableError: a schedule is kept in the project already.
    """
    if options.port is not None and (address := prefect_server.named()):
        raise UsageError(
            f"--port must have an effect, but {options.port} has none beside PREFECT_API_URL="
            f"{address}: no server is started. Leave it out, or unset PREFECT_API_URL."
        )
    told: list[int] = []
    keepers: list[process.Child] = []

    def pass_on(number: int, _frame: FrameType | None) -> None:
        for keeper in keepers:
            keeper.tell(signal.SIGKILL if told else signal.SIGTERM)
        told.append(number)
        print(f"\n{STOPPING}", flush=True)

    with locks.schedule(project), _noted(project, options):
        before = {one: signal.signal(one, pass_on) for one in (signal.SIGINT, signal.SIGTERM)}
        try:
            keepers.append(_start(project, options))
            code = keepers[0].wait()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
    if not told:
        return code
    print(STOPPED)
    return process.exit_code(-told[0])


def kept(project: Project) -> ScheduleOptions | None:
    """The schedule that is kept in a project now; None: there is none."""
    try:
        with locks.schedule(project):
            return None
    except UnreachableError:
        return ScheduleOptions.from_json(_note(project).read_text(encoding="utf-8"))


@contextmanager
def _noted(project: Project, options: ScheduleOptions) -> Iterator[None]:
    """Keep in the project what is kept there, for whoever asks."""
    files.write_text(_note(project), options.to_json())
    try:
        yield
    finally:
        _note(project).unlink(missing_ok=True)


def _note(project: Project) -> Path:
    return project.private / "schedule.json"


def _start(project: Project, options: ScheduleOptions) -> process.Child:
    return process.Child(
        process.module("flows.scheduling.serve", options.to_json()),
        folder=project.root,
        environment=environment(project),
    )
