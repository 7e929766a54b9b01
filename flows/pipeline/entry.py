"""The flow in a process of its own, below `thawline run`: `python -m flows.pipeline.entry`.

Light until it runs, so that Ctrl-C ends it without a word at any moment.
"""

import os
import sys
import urllib.error
import urllib.request
from typing import NoReturn

from components.frame.errors import ThawlineError, UnreachableError
from flows.project import enter, find
from flows.runtime import prefect_server, process
from flows.runtime.crash_log import internal_error

INTERRUPTED = 130
PATIENCE = 5.0
"""Seconds within which a server must answer."""


def main() -> None:
    """Run the flow, and leave with the exit code of what failed first."""
    process.tie_alone()
    project = find()
    enter(project)
    if prefect_server.named() is None and (address := prefect_server.running(project)):
        os.environ["PREFECT_API_URL"] = address  # two servers would share one database
    try:
        run()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except ThawlineError as error:
        _fail(str(error), error.exit_code)
    except Exception as error:  # noqa: BLE001  # an internal error: its traceback goes to the log
        _fail(internal_error(project, "finetune", error), 1)


def run() -> None:
    """Run the flow to its end.

    Raises:
        Exception: what ended the flow; the tasks told it already where it is a `RunFailedError`.
    """
    _knock()
    from flows.pipeline.finetune import RunFailedError, finetune

    state = finetune(return_state=True)
    if state.is_completed():
        return
    error = state.result(raise_on_failure=False)
    if isinstance(error, RunFailedError):
        sys.exit(error.exit_code)
    assert isinstance(error, Exception)  # noqa: S101  # for ourselves
    raise error


def _knock() -> None:
    """See within seconds whether the Prefect server that a person named answers.

    Raises:
        UnreachableError: it does not.
    """
    address = os.environ.get("PREFECT_API_URL", "")
    if not address.startswith(("http://", "https://")):
        return
    try:
        urllib.request.urlopen(f"{address}/health", timeout=PATIENCE).close()  # noqa: S310  # http
    except urllib.error.HTTPError:
        return  # it answers, and what it refuses Prefect says itself
    except OSError as error:
        raise UnreachableError(
            f"The Prefect server that PREFECT_API_URL names must answer, but {address} does not "
            f"({error}). Start it, or unset PREFECT_API_URL: a run then starts its own."
        ) from error


def _fail(sentence: str, exit_code: int) -> NoReturn:
    print(f"error: {sentence}", file=sys.stderr)
    sys.exit(exit_code)


if __name__ == "__main__":
    main()
