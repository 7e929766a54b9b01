"""What one process at a time does in a project: locks that end with the process that holds them."""

import fcntl
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from components.frame.errors import UnreachableError
from flows.project import Project

RUN_BUSY = (
    "One run at a time works in a project, but another one is under way here. "
    "Wait for its end, or stop it with Ctrl-C where it was started."
)
SCHEDULE_BUSY = (
    "One schedule at a time is kept in a project, but another one is kept here. "
    "Stop it with Ctrl-C where it was started."
)


def run(project: Project, *, wait: bool = False) -> AbstractContextManager[int]:
    """Keep other runs out of the project, or `wait` for their end first; the open lock.

    Raises:
        UnreachableError: another run is under way, and is not waited for.
    """
    return _held(project, "run", None if wait else RUN_BUSY)


def schedule(project: Project) -> AbstractContextManager[int]:
    """Keep other schedules out of the project.

    Raises:
        UnreachableError: another one is kept.
    """
    return _held(project, "schedule", SCHEDULE_BUSY)


def actions(project: Project) -> AbstractContextManager[int]:
    """Change the tracking store or the ledger, after whoever changes them now."""
    return _held(project, "actions")


def store(project: Project) -> AbstractContextManager[int]:
    """Make or move a store, after whoever does so now."""
    return _held(project, "store")


@contextmanager
def _held(project: Project, name: str, busy: str | None = None) -> Iterator[int]:
    """Hold a lock, after whoever holds it now, or not at all where `busy` says what is wrong."""
    project.private.mkdir(parents=True, exist_ok=True)
    with (project.private / f"{name}.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (fcntl.LOCK_NB if busy else 0))
        except BlockingIOError:
            raise UnreachableError(str(busy)) from None
        yield file.fileno()
