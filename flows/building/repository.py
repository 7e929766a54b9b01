"""DVC's repository: quiet, held by one process at a time, and whether or not there is git."""

import json
import logging
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Any

from components.frame import files
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
    drop_stale_locks(project.root / ".dvc" / "tmp" / "rwlock")
    try:
        with chdir(project.root), Repo(str(project.root), scm=_versions(project)) as repo:
            yield repo
    except LockError:
        raise UnreachableError(
            "DVC takes one process at a time in a project, but another one works here. "
            "Wait for its end, then run again."
        ) from None


def drop_stale_locks(path: Path) -> None:
    """Remove entries of dead processes from DVC's lock file, also where their number lives again.

    An entry was written while its process lived. A process that began after the last writing of
    the file is another one that got the same number, as in a restarted container.
    """
    import psutil

    if not path.exists():
        return
    written = path.stat().st_mtime

    def alive(entry: dict[str, Any]) -> bool:
        try:
            return bool(psutil.Process(entry["pid"]).create_time() <= written)
        except psutil.NoSuchProcess:
            return False

    held = _held(path)
    read = {name: [one for one in entries if alive(one)] for name, entries in _of(held, "read")}
    kept = {
        "write": {name: entry for name, entry in _of(held, "write") if alive(entry)},
        "read": {name: entries for name, entries in read.items() if entries},
    }
    if kept != {"write": held.get("write", {}), "read": held.get("read", {})}:
        files.write_text(path, json.dumps(kept))


def _held(path: Path) -> dict[str, Any]:
    """What DVC's lock file says; one that a power cut left torn says nothing."""
    try:
        held = json.loads(path.read_bytes())
    except ValueError:
        held = None
    if isinstance(held, dict):
        return held
    files.write_text(path, "{}")
    return {}


def _of(held: dict[str, Any], mode: str) -> list[tuple[str, Any]]:
    return list(held.get(mode, {}).items())


def _versions(project: Project) -> Any:  # noqa: ANN401  # dvc has no types
    """The git repository around a project; where there is none that can be used, DVC's stand-in."""
    from dvc.scm import SCM, SCMError

    try:
        return SCM(str(project.root))
    except SCMError:
        return SCM(str(project.root), no_scm=True)
