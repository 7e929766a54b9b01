"""One at a time: a lock between processes that ends with the process that holds it."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flows.project import Project


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold the lock `path`, after whoever holds it now."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def actions(project: Project) -> Path:
    """The lock around everything that changes the tracking store or the ledger."""
    return project.private / "actions.lock"
