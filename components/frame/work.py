"""Where a stage keeps what may survive a kill but is no output."""

import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from components.frame import files
from components.frame.errors import UsageError
from components.frame.events import Events, narrator
from components.frame.spec import Spec

KEPT_WORK_FOLDERS = 3
"""Studies and checkpoints of this many latest states of a stage are kept."""


@dataclass(frozen=True)
class Work:
    """What may survive a kill but is no output: studies, checkpoints, events."""

    folder: Path
    """Belongs to one state of what the stage depends on: changed data resumes no old study."""
    cache: Path
    """Shared by the stages; every entry is named by what its content depends on."""
    events: Events


def digest(stage: Spec, root: Path) -> str:
    """SHA-256 over all that a stage depends on: parameters as read, other files by content."""
    state = hashlib.sha256()
    for path in sorted(stage.params):
        state.update(files.canonical([path, files.read_yaml(root / path)]))
    for path in sorted(stage.deps):
        state.update(files.canonical([path, _content(root / path)]))
    return state.hexdigest()


def work_folder(stage: Spec, root: Path) -> Path:
    """Where a stage keeps its study, checkpoints and events in the present state of its inputs."""
    return root / ".thawline" / "work" / stage.name / digest(stage, root)[:16]


def open_work(stage: Spec, root: Path) -> Work:
    """Make the work folder of a stage ready; the oldest ones go."""
    folder = work_folder(stage, root)
    folder.mkdir(parents=True, exist_ok=True)
    os.utime(folder)
    files.write_text(folder.parent / "current", folder.name + "\n")
    for old in sorted(_folders(folder.parent), key=_modified)[:-KEPT_WORK_FOLDERS]:
        shutil.rmtree(old)
    return Work(folder, root / ".thawline" / "cache", Events(folder / "events.jsonl", narrator()))


def _folders(parent: Path) -> list[Path]:
    return [path for path in parent.iterdir() if path.is_dir()]


def _modified(path: Path) -> float:
    return path.stat().st_mtime


def _content(path: Path) -> object:
    """A file's digest, or the digests of a folder's files by their relative names."""
    if path.is_dir():
        inside = sorted(file for file in path.rglob("*") if file.is_file())
        return {file.relative_to(path).as_posix(): files.sha256(file) for file in inside}
    if not path.exists():
        raise UsageError(f"{path} is missing. Build what makes it: dvc repro")
    return files.sha256(path)
