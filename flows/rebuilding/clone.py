"""The clone in which a version is built again: fit for it, and nothing of anybody's own in it."""

from pathlib import Path
from typing import Any

from components.frame import files
from components.frame.errors import DataError, UsageError
from components.frame.spec import Spec, spec
from components.frame.spec import stages as stages_of
from flows.project import Project
from flows.rebuilding.lineage import Lineage, md5_of
from flows.records import revision
from flows.tracking.tags import RUN_TAG, STATE_TAG

SHAPE = ("cmd", "deps", "params", "outs", "metrics")
"""What of a stage in `dvc.yaml` may change what it makes."""
PINS = "data/"
"""Where what the world was like is pinned; everything else that is given is code."""
SHOWN = 5
"""So many files are named."""


def check_code(project: Project, lineage: Lineage) -> None:
    """See that the clone runs the code that the version was built with.

    Raises:
        UsageError: it does not; the commit to check out is told.
    """
    described = stages_of(project.root)
    differing = [] if _shape(described) == _shape(lineage.described) else ["dvc.yaml"]
    given = _given(project, lineage)
    differing += [
        path
        for path, md5 in given.items()
        if not path.startswith(PINS) and (md5 is None or md5_of(project.root / path) != md5)
    ]
    if differing:
        raise UsageError(
            f"The code must be that of {lineage.called}, but {_some(differing)} "
            f"{'differs' if len(differing) == 1 else 'differ'}. {_remedy(lineage)}"
        )


def prepare(project: Project, lineage: Lineage) -> None:
    """Put parameters, pins and `dvc.lock` of the version into place.

    Raises:
        UsageError: something in the clone would be lost.
        DataError: the version does not carry the pins it was built with.
    """
    begun = _marker(project)
    mine = {"model": lineage.model, "run": lineage.tags[RUN_TAG]}
    goes_on = begun.is_file() and files.read_json(begun) == mine
    wanted = _wanted(project, lineage)
    if not goes_on:
        _check_empty(project, lineage)
    own = [
        name
        for name, content in wanted.items()
        if (project.root / name).exists()
        and _differs(project.root / name, content)
        and not revision.is_committed(project.root, name)
        and not (goes_on and name == project.lock.name)
    ]
    if own:
        raise UsageError(
            f"Nothing of yours may be lost, but a rebuild would replace {_some(own)}, of which no "
            "commit has the present content. Commit it, or rebuild in a fresh clone."
        )
    files.write_json(begun, mine)
    for name, content in wanted.items():
        if _differs(project.root / name, content):
            files.write_bytes(project.root / name, content)


def finish(project: Project) -> None:
    """Note that nothing of a rebuild is under way any more."""
    _marker(project).unlink(missing_ok=True)


def outs(project: Project) -> list[str]:
    """All that the stages make."""
    return [out for one in _specs(project) for out in one.outs]


def _wanted(project: Project, lineage: Lineage) -> dict[str, bytes]:
    """What the clone's files must say; names come from the clone, never from the version."""
    wanted = {name: lineage.params(name) for one in _specs(project) for name in one.params}
    for name, md5 in _given(project, lineage).items():
        if name.startswith(PINS):
            wanted[name] = _pin(lineage, name, md5)
    return wanted | {project.lock.name: (lineage.root / "dvc.lock").read_bytes()}


def _pin(lineage: Lineage, name: str, md5: str | None) -> bytes:
    """A pin as the version was built with it."""
    path = lineage.root / name
    if md5 is None or md5_of(path) != md5:
        raise DataError(
            f"{lineage.called} must carry the {name} it was built with, but does not. "
            "It cannot be rebuilt."
        )
    return path.read_bytes()


def _check_empty(project: Project, lineage: Lineage) -> None:
    """See that no other build is there: stages remove what was built before, work is resumed."""
    kept = [f".thawline/{name}" for name in ("work", "cache")]
    there = [name for name in (*outs(project), *kept) if (project.root / name).exists()]
    if there:
        raise UsageError(
            f"{lineage.called} is rebuilt where nothing was built yet, but there is "
            f"{_some(there)}. Rebuild in a fresh clone: git clone {project.root} FOLDER"
        )


def _given(project: Project, lineage: Lineage) -> dict[str, str | None]:
    """What stages depend on and no stage makes, code and pins, with the MD5 in `dvc.lock`."""
    made = set(outs(project))
    given: dict[str, str | None] = {}
    for one in _specs(project):
        locked = lineage.stages.get(one.name, {}).get("deps", [])
        known = {dep["path"]: dep.get("md5") for dep in locked}
        given |= {dep: known.get(dep) for dep in one.deps if dep not in made}
    return given


def _specs(project: Project) -> list[Spec]:
    return [spec(name, project.root) for name in stages_of(project.root)]


def _shape(stages: dict[str, Any]) -> dict[str, Any]:
    return {name: {key: entry.get(key) for key in SHAPE} for name, entry in stages.items()}


def _remedy(lineage: Lineage) -> str:
    if lineage.commit is None:
        state = lineage.tags.get(STATE_TAG)
        return f"It was made without a commit ({state}): bring back the files it was made with."
    return f"Undo what is not committed, and take its commit: git checkout {lineage.commit}"


def _differs(path: Path, content: bytes) -> bool:
    return not path.exists() or path.read_bytes() != content


def _marker(project: Project) -> Path:
    return project.private / "rebuild.json"


def _some(names: list[str]) -> str:
    rest = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + rest
