"""Where a stage keeps what may survive a kill but is no output."""

import hashlib
import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from components.frame import files
from components.frame.errors import UsageError
from components.frame.events import Events, narrator
from components.frame.spec import Spec
from components.frame.versions import LOCKED

KEPT_WORK_FOLDERS = 3
"""Studies and checkpoints of this many latest states of a stage are kept."""
FORMAT = 2
"""Of what stages keep: raised whenever names in studies and checkpoints change."""


@dataclass(frozen=True)
class Work:
    """What may survive a kill but is no output: studies, checkpoints, events."""

    folder: Path
    """Belongs to one state of what the stage depends on: changed data resumes no old study."""
    cache: Path
    """Shared by the stages; every entry is named by what its content depends on."""
    events: Events
    state: str = ""
    """Names the state of all that the stage depends on: the same on every machine."""


def digest(stage: Spec, root: Path) -> str:
    """SHA-256 over all that a stage depends on: parameters as read, other files by content."""
    state = hashlib.sha256()
    if stage.versions:
        locked = files.read_yaml(root / LOCKED)
        state.update(files.canonical([LOCKED, {name: locked[name] for name in stage.versions}]))
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
    set_apart(root)
    folder = work_folder(stage, root)
    folder.mkdir(parents=True, exist_ok=True)
    os.utime(folder)
    files.write_text(folder.parent / "current", folder.name + "\n")
    for old in sorted(_folders(folder.parent), key=_modified)[:-KEPT_WORK_FOLDERS]:
        shutil.rmtree(old)
    events = Events(folder / "events.jsonl", narrator())
    return Work(folder, root / ".thawline" / "cache", events, folder.name)


def work_in(folder: Path, work: Work) -> Work:
    """The same state's work, by itself in another folder; the cache is shared."""
    return replace(work, folder=folder, events=Events(folder / "events.jsonl", narrator()))


def set_apart(root: Path) -> None:
    """Move what an earlier format left out of the way, whole, and say once that it did."""
    work, path = root / ".thawline" / "work", root / ".thawline" / "format"
    format_there = _format(path)
    if format_there >= FORMAT:
        return
    if work.is_dir():
        apart = _free(work, format_there)
        work.rename(apart)
        place = apart.relative_to(root).as_posix()
        print(
            "Studies and checkpoints of an earlier Thawline are not resumed, since names in them "
            f"have changed. They lie in {place}; `rm -r {place}` frees the room.",
            flush=True,
        )
    files.write_text(path, f"{FORMAT}\n")


def _format(path: Path) -> int:
    """The format that a file names; 1 where there is none: it did not say."""
    text = path.read_text(encoding="utf-8").strip() if path.exists() else "1"
    if not text.isdecimal():
        raise UsageError(f"{path} must hold a number, but holds {text!r}. Remove it: rm {path}")
    return int(text)


def _free(work: Path, number: int) -> Path:
    """A name for the folder beside itself that nothing bears: `work-1`."""
    while (path := work.with_name(f"{work.name}-{number}")).exists():
        number += 1
    return path


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
