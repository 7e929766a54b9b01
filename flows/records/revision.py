"""Which commit of the code a run was made from."""

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

GENERATED = frozenset({"dvc.lock", "data/source.yaml", "data/start.yaml", "data/pipeline.yaml"})
"""Files that runs write: a commit is not dirty for them."""
CODE = ("components/", "flows/", "params/", "dvc.yaml")
"""Where a file that git does not know may change what is built."""
PARAMETERS = re.compile(r"params/[^/]+\.yaml")
CLEAN = "clean"
DIRTY = "dirty: "
LONGEST = 500
"""Characters of a state; what is longer is cut."""
PATIENCE = 20.0


@dataclass(frozen=True)
class Revision:
    """A commit and what is to be known of it."""

    commit: str | None
    state: str
    """`clean`, `dirty: FILES`, or why there is no commit."""


def revision(root: Path) -> Revision:
    """The commit checked out in `root`; without git, or a commit, its state says so."""
    try:
        commit = _git(root, "rev-parse", "HEAD").strip()
        prefix = _git(root, "rev-parse", "--show-prefix").strip()
        _git(root, "ls-files", "--error-unmatch", "--", ".")  # else another's repository
        status = _git(root, "status", "--porcelain", "-z", "--no-renames", "--", ".")
    except FileNotFoundError:
        return Revision(None, "git is not installed")
    except subprocess.TimeoutExpired:
        return Revision(None, "git did not answer")
    except subprocess.CalledProcessError:
        return Revision(None, "no git commit here")
    changed = _changed(status, prefix)
    return Revision(commit, f"{DIRTY}{', '.join(changed)}"[:LONGEST] if changed else CLEAN)


def changed_beside_params(state: str) -> bool:
    """Whether a commit was dirty in more than parameter files, which every version carries."""
    names = state.removeprefix(DIRTY).split(", ")
    known = len(state) < LONGEST and all(PARAMETERS.fullmatch(name) for name in names)
    return state.startswith(DIRTY) and not known


def is_committed(root: Path, name: str) -> bool:
    """Whether a file below `root` is as the commit checked out there has it."""
    try:
        prefix = _git(root, "rev-parse", "--show-prefix").strip()
        kept = _git(root, "rev-parse", f"HEAD:{prefix}{name}").strip()
        return _git(root, "hash-object", "--", name).strip() == kept
    except (OSError, subprocess.SubprocessError):
        return False


def _changed(status: str, prefix: str) -> list[str]:
    """The files that differ from the commit, of what `git status --porcelain -z` says."""
    changed = []
    for entry in filter(None, status.split("\0")):
        name = entry[3:].removeprefix(prefix)
        unknown = entry.startswith("??") and not name.startswith(CODE)
        if name not in GENERATED and not unknown:
            changed.append(name)
    return sorted(changed)


def _git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), *arguments]
    surroundings = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    done = subprocess.run(
        command, env=surroundings, capture_output=True, check=True, timeout=PATIENCE
    )
    return done.stdout.decode(errors="replace")
