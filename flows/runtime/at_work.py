"""Which task of a run is under way, noted for whoever asks from outside; nothing is locked."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from components.frame import files
from flows.project import Project


@dataclass(frozen=True, kw_only=True)
class AtWork:
    """A run and where it is; times in seconds since 1970."""

    process: int
    began: float
    task: str = ""
    """The stage or the action; empty: none yet."""
    since: float


@contextmanager
def noted(project: Project) -> Iterator[None]:
    """A run of this process, for as long as the block takes."""
    now = time.time()
    _write(project, AtWork(process=os.getpid(), began=now, since=now))
    try:
        yield
    finally:
        _file(project).unlink(missing_ok=True)


def note(project: Project, task: str) -> None:
    """Note that the run has come to a task."""
    run, now = _read(project), time.time()
    began = run.began if run else now
    _write(project, AtWork(process=os.getpid(), began=began, task=task, since=now))


def now(project: Project) -> AtWork | None:
    """The run that is under way; none: also where its process has died."""
    import psutil

    run = _read(project)
    try:
        alive = run is not None and psutil.Process(run.process).create_time() <= run.since
    except psutil.NoSuchProcess:
        return None
    return run if alive else None


def _write(project: Project, run: AtWork) -> None:
    files.write_text(_file(project), json.dumps(asdict(run)) + "\n")


def _read(project: Project) -> AtWork | None:
    try:
        return AtWork(**json.loads(_file(project).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def _file(project: Project) -> Path:
    return project.private / "at_work.json"
