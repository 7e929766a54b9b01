"""The command `thawline schedule`: a light parent of the process that keeps the schedule.

That one has a session of its own, so that Ctrl-C reaches it through us alone: it ends the run under
way and its server in that order.
"""

import json
import signal
from dataclasses import asdict, dataclass
from types import FrameType
from typing import Literal

from flows.project import Project, environment
from flows.runtime import locks, process

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
        UnreachableError: a schedule is kept in the project already.
    """
    told: list[int] = []
    keepers: list[process.Child] = []

    def pass_on(number: int, _frame: FrameType | None) -> None:
        for keeper in keepers:
            keeper.tell(signal.SIGKILL if told else signal.SIGTERM)
        told.append(number)
        print(f"\n{STOPPING}", flush=True)

    with locks.schedule(project):
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


def _start(project: Project, options: ScheduleOptions) -> process.Child:
    return process.Child(
        process.module("flows.scheduling.serve", options.to_json()),
        folder=project.root,
        environment=environment(project),
    )
