"""The flow in a process of its own, below `thawline run`: `python -m flows.pipeline.entry`.

Light until it runs, so that Ctrl-C ends it without a word at any moment.
"""

import os
import sys
import time
from contextlib import AbstractContextManager
from functools import partial
from typing import NoReturn

from components.frame.durations import duration
from components.frame.errors import ThawlineError
from flows.project import Project, enter, find
from flows.runtime import at_work, bar, console, prefect_server, process, pulse
from flows.runtime.crash_log import unforeseen
from flows.tracking import under_way

INTERRUPTED = 130
LOG_SECONDS = 5
"""So long the last lines may take on their way to the server."""


def main() -> None:
    """Run the flow, and leave with the exit code of what failed first."""
    process.tie_alone()
    project = find()
    enter(project)
    try:
        with (
            _company(project),
            prefect_server.for_run(project) as address,
        ):
            os.environ["PREFECT_API_URL"] = address
            try:
                run()
            finally:
                send_logs()  # while the server is there
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except ThawlineError as error:
        _fail(str(error), error.exit_code)
    except Exception as error:  # noqa: BLE001  # an internal error: its traceback goes to the log
        fault = unforeseen(project, "finetune", error)
        _fail(str(fault), fault.exit_code)


def run() -> None:
    """Run the flow to its end.

    Raises:
        Exception: what ended the flow; the tasks told it already where it is a `RunFailedError`.
    """
    from flows.pipeline.finetune import RunFailedError, finetune

    state = finetune(return_state=True)
    if state.is_completed():
        return
    error = state.result(raise_on_failure=False)
    if isinstance(error, RunFailedError):
        sys.exit(error.exit_code)
    assert isinstance(error, Exception)  # noqa: S101  # for ourselves
    raise error


def send_logs() -> None:
    """Have the server take the lines that wait for it: Prefect itself does so when all is over."""
    from prefect.logging.handlers import APILogWorker

    APILogWorker.drain_all(timeout=LOG_SECONDS)


def _company(project: Project) -> AbstractContextManager[None]:
    """What tells that a run works: a bar on a terminal, elsewhere a line where all are silent."""
    where = partial(_where, project)
    if sys.stdout.isatty():
        return bar.beside(where, partial(_part, project))
    return pulse.beside(_say, where, console.last_line)


def _part(project: Project) -> bar.Part | None:
    run = at_work.now(project)
    return under_way.part(under_way.stage(project, run.task)) if run and run.task else None


def _where(project: Project) -> str:
    """The task under way, for how long, and how far it is."""
    run = at_work.now(project)
    if run is None or not run.task:
        return "starting Prefect"
    told = under_way.stage(project, run.task)
    place = "" if told.finished else under_way.where(told)
    return ", ".join(filter(None, [f"{run.task} for {duration(time.time() - run.since)}", place]))


def _say(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {line}", flush=True)


def _fail(sentence: str, exit_code: int) -> NoReturn:
    print(f"error: {sentence}", file=sys.stderr)
    sys.exit(exit_code)


if __name__ == "__main__":
    main()
