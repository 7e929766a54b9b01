"""Values for one run: the parameter files hold them while it lasts, and are as before afterwards.

DVC reads parameters from their files alone, so they are changed for it. What stood there is kept in
a journal first, on disk before any file changes: whatever ends the run, the next command finds the
journal and brings the files back.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from components.frame import files
from components.frame.errors import UnreachableError
from flows.project import Project
from flows.runtime import locks


@contextmanager
def in_force(project: Project, texts: Mapping[Path, str]) -> Iterator[None]:
    """Have parameter files hold these texts within the block, which holds the run's lock."""
    if texts:
        _note(project, texts)
        for path, text in texts.items():
            files.write_text(path, text)
    try:
        yield
    finally:
        restore(project)


def restore(project: Project) -> list[str]:
    """Bring back what a run for once changed, for whoever holds the run's lock; the files' names.

    A file that somebody has changed since is left as it is.
    """
    journal = _journal(project)
    if not journal.exists():
        return []
    restored = []
    for name, (before, during) in files.read_json(journal).items():
        path = project.params / name
        if path.exists() and path.read_text(encoding="utf-8") == during:
            files.write_text(path, before)
            restored.append(f"params/{name}")
    journal.unlink()
    return restored


def restore_after_kill(project: Project) -> list[str]:
    """The same for whoever holds no lock: nothing is done while a run is under way."""
    if not _journal(project).exists():
        return []
    try:
        with locks.run(project):
            return restore(project)
    except UnreachableError:
        return []


def _note(project: Project, texts: Mapping[Path, str]) -> None:
    """What stands in each file, and what will: a kill in between finds the file as it was."""
    both = {path.name: (path.read_text(encoding="utf-8"), text) for path, text in texts.items()}
    files.write_text(_journal(project), json.dumps(both, indent=2) + "\n")


def _journal(project: Project) -> Path:
    return project.private / "once.json"
