"""The links by which a project beside the clone uses the installed packages.

So `python -m components.train`, as `dvc.yaml` calls it, runs the installed code, and the files of
that code are what the stages depend on, in every project. Git ignores the links.
"""

import os
from pathlib import Path

from components.frame.errors import UnreachableError
from flows.project import Project
from flows.projects import template

PACKAGES = ("components", "flows")
SHARED = "pixels"
"""Decoded images, named by all that their bits depend on, are the same for every project."""
IGNORED = "".join(f"/{name}\n" for name in PACKAGES)


def make(project: Project) -> None:
    """Link the packages and the shared cache into a project.

    Raises:
        UnreachableError: the disk does not take them.
    """
    for name in PACKAGES:
        _point(project.root / name, template.INSTALLED / name)
    project.cache.mkdir(parents=True, exist_ok=True)
    shared = shared_cache() / SHARED
    shared.mkdir(parents=True, exist_ok=True)
    if not (project.cache / SHARED).is_dir():
        _point(project.cache / SHARED, shared)


def renew(project: Project) -> None:
    """Point the links of a project at the packages that run now; a clone has none.

    An installation moves, `.thawline/` is deleted: both are put right without a word.
    """
    if (project.root / PACKAGES[0]).is_symlink():
        make(project)


def shared_cache() -> Path:
    """`~/.cache/thawline`, or below XDG_CACHE_HOME; safe to delete."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "thawline"


def _point(link: Path, target: Path) -> None:
    """Make `link` point at `target`, at once and whole."""
    if link.is_symlink() and link.readlink() == target:
        return
    new = link.with_name(f".{link.name}.new")
    try:
        new.unlink(missing_ok=True)
        new.symlink_to(target)
        new.replace(link)
    except OSError as error:
        raise UnreachableError(
            f"A project links the packages that it runs, but {link} could not be made "
            f"({error.strerror}). Make room or set its rights, then again."
        ) from None
