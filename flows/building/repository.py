"""DVC's repository: quiet, and held by one process at a time."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from components.frame.errors import UnreachableError
from flows.project import Project


@contextmanager
def opened(project: Project) -> Iterator[Any]:
    """The repository of a project; its logger speaks of warnings only: we say what happens.

    Raises:
        UnreachableError: another DVC process works here.
    """
    from dvc.lock import LockError
    from dvc.repo import Repo

    logging.getLogger("dvc").setLevel(logging.WARNING)
    try:
        with Repo(str(project.root)) as repo:
            yield repo
    except LockError:
        raise UnreachableError(
            "DVC takes one process at a time in a project, but another one works here. "
            "Wait for its end, then run again."
        ) from None
