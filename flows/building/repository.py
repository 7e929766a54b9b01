"""DVC's repository: quiet, held by one process at a time, and whether or not there is git."""

import logging
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from typing import Any

from components.frame.errors import UnreachableError, UsageError
from flows.project import Project


@contextmanager
def opened(project: Project) -> Iterator[Any]:
    """The repository of a project, from whose folder names of stages and files are to be given.

    Its logger speaks of warnings only: we say what happens.

    Raises:
        UsageError: the folder's name is none for DVC.
        UnreachableError: another DVC process works here.
    """
    if "{" in str(project.root) or "}" in str(project.root):
        raise UsageError(
            f"DVC needs a folder without braces in its name, but the project's is {project.root}. "
            "Rename it."
        )
    from dvc.lock import LockError
    from dvc.repo import Repo

    logging.getLogger("dvc").setLevel(logging.WARNING)
    try:
        with chdir(project.root), Repo(str(project.root), scm=_versions(project)) as repo:
            yield repo
    except LockError:
        raise UnreachableError(
            "DVC takes one process at a time in a project, but another one works here. "
            "Wait for its end, then run again."
        ) from None


def _versions(project: Project) -> Any:  # noqa: ANN401  # dvc has no types
    """The git repository around a project; where there is none that can be used, DVC's stand-in."""
    from dvc.scm import SCM, SCMError

    try:
        return SCM(str(project.root))
    except SCMError:
        return SCM(str(project.root), no_scm=True)
