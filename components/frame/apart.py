"""What a person brings lies apart from what a run replaces: nothing of theirs is ever removed."""

import os
from pathlib import Path

from components.frame.errors import UsageError
from components.frame.spec import spec, stages

PRIVATE = ".thawline"
"""Caches and studies: safe to delete, so nothing of a person's may lie there."""


def require_apart(parameter: str, text: str, root: Path) -> None:
    """See that a path that a parameter names neither is, lies in nor holds what a run replaces.

    Links are followed. A relative path starts at the present folder.

    Args:
        parameter: for the error, such as `ingest.source`.
        text: its value.
        root: of the project.

    Raises:
        UsageError: it does.
    """
    named = _resolved(text)
    for output in (*_outputs(root), PRIVATE):
        place = (root / output).resolve()
        if named == place or place in named.parents or named in place.parents:
            raise UsageError(
                f"{parameter} must lie apart from what a run replaces, but {text} "
                f"{_how(named, place)} the run's own {output}. Move it to a place of its own, and "
                "name that."
            )


def _resolved(text: str) -> Path:
    """Where links lead; a ring of them, or a name that no disk could have, is left as it is."""
    try:
        return Path(os.path.realpath(os.path.expanduser(text)))  # noqa: PTH111  # pathlib's raise there
    except ValueError:
        return Path(text)


def _outputs(root: Path) -> list[str]:
    """Every output of every stage."""
    specs = [spec(name, root) for name in stages(root)]
    return sorted({out for one in specs for out in one.outs})


def _how(named: Path, place: Path) -> str:
    if named == place:
        return "is"
    return "lies in" if place in named.parents else "holds"
