"""The projects that this machine has, so that `thawline status --all` finds them."""

import os
from pathlib import Path

from components.frame import files
from components.frame.errors import UnreachableError
from flows.project import Project

FILE = "projects"
"""A folder a line."""


def remember(project: Project) -> None:
    """Note a project, unless it is noted; where that cannot be kept, nothing depends on it."""
    known = _noted()
    if project.root in known:
        return
    try:
        files.write_text(_file(), "".join(f"{root}\n" for root in [*known, project.root]))
    except (OSError, UnreachableError):
        return


def projects() -> list[Project]:
    """Those that are still there, in the order in which they were met."""
    return [Project(root) for root in _noted() if (root / "dvc.yaml").is_file()]


def _noted() -> list[Path]:
    try:
        return [Path(line) for line in _file().read_text(encoding="utf-8").splitlines() if line]
    except (OSError, UnicodeDecodeError):
        return []


def _file() -> Path:
    """`~/.local/state/thawline/projects`, or below XDG_STATE_HOME."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "thawline" / FILE
