"""The stages as `dvc.yaml` describes them, each after those it needs, and what is stale."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from graphlib import CycleError, TopologicalSorter
from pathlib import PurePosixPath
from typing import Any

from components.frame.errors import UsageError
from components.frame.spec import Spec, spec
from components.frame.spec import stages as stages_of
from flows.building import repository
from flows.project import Project

Changes = dict[str, dict[str, str]]
"""Per stage, what DVC finds different: a path (or `cmd`) and how it differs."""

SHOWN = 3
"""So many reasons are named."""


@dataclass(frozen=True)
class Meta:
    """How a stage is operated: what stands under its `meta` in `dvc.yaml`."""

    retries: int = 0
    """Repetitions after exit code 5 or a signal."""
    retry_delay_seconds: int = 10
    timeout_minutes: int | None = None


@dataclass(frozen=True)
class Node:
    """A stage, the stages that it needs directly, and how it is operated."""

    name: str
    needs: tuple[str, ...]
    meta: Meta


def nodes(project: Project) -> list[Node]:
    """All stages, each after those it needs, in the order in which `dvc repro` takes them.

    The order is that of the entries in `dvc.lock`, which are to be the same whoever builds.

    Raises:
        UsageError: the stages need each other in a circle, or a `meta` is wrong.
    """
    stages = stages_of(project.root)
    specs = {name: spec(name, project.root) for name in stages}
    needs = {name: _needs(one, specs) for name, one in specs.items()}
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        circle = " -> ".join(error.args[1])
        raise UsageError(f"dvc.yaml: stages must not need each other, but: {circle}.") from None
    order = dict.fromkeys(one for name in needs for one in _depth_first(name, needs))
    return [Node(name, needs[name], _meta(name, stages[name].get("meta", {}))) for name in order]


def changes(project: Project, stage: str | None = None) -> Changes:
    """What DVC itself finds stale, in all stages of our `dvc.yaml` or in one of them.

    Raises:
        UnreachableError: another DVC process works here.
        UsageError: `dvc.yaml` or `dvc.lock` is not as DVC wants it.
    """
    from dvc.exceptions import DvcException

    try:
        with repository.opened(project) as repo:
            name = project.relative(project.pipeline)
            differences = repo.status([f"{name}:{stage}" if stage else name])
    except DvcException as error:
        raise UsageError(f"DVC: {error}") from error
    return {name.rpartition(":")[2]: _flat(how) for name, how in differences.items()}


def following(nodes: list[Node], stale: Iterable[str]) -> list[str]:
    """The stages that are stale, and those that need one of them, directly or not; in order."""
    found = set(stale)
    for node in nodes:
        found |= {node.name} if found.intersection(node.needs) else set()
    return [node.name for node in nodes if node.name in found]


def reason(differences: dict[str, str]) -> str:
    """Why a stage is stale, in a few words."""
    if any(how == "new" and path.endswith(".yaml") for path, how in differences.items()):
        return "not built before"
    if len(differences) > SHOWN and len(set(differences.values())) == 1:
        return f"{len(differences)} files {next(iter(differences.values()))}"
    named = [f"{path} {how}" for path, how in differences.items()]
    more = f" and {len(named) - SHOWN} more" if len(named) > SHOWN else ""
    return ", ".join(named[:SHOWN]) + more


def _depth_first(name: str, needs: dict[str, tuple[str, ...]]) -> Iterator[str]:
    """A stage behind all that it needs."""
    for needed in needs[name]:
        yield from _depth_first(needed, needs)
    yield name


def _needs(stage: Spec, specs: dict[str, Spec]) -> tuple[str, ...]:
    """The stages one of whose outputs is, holds or lies in something that `stage` depends on."""
    needed = (
        other.name
        for dep in stage.deps
        for other in specs.values()
        if other is not stage and any(_overlap(dep, out) for out in other.outs)
    )
    return tuple(dict.fromkeys(needed))


def _overlap(one: str, other: str) -> bool:
    first, second = PurePosixPath(one), PurePosixPath(other)
    return first.is_relative_to(second) or second.is_relative_to(first)


def _meta(stage: str, values: dict[str, Any]) -> Meta:
    known = [field.name for field in fields(Meta)]
    for key, value in values.items():
        if key not in known:
            raise UsageError(
                f"dvc.yaml: the meta of `{stage}` holds {', '.join(known)}, but also {key!r}."
            )
        if type(value) is not int or value < 0:
            raise UsageError(
                f"dvc.yaml: {key} of `{stage}` must be a whole number from 0, but is {value!r}."
            )
    return Meta(**values)


def _flat(differences: list[Any]) -> dict[str, str]:
    """DVC's nested lists as one mapping; `changed checksum` is a changed command."""
    flat: dict[str, str] = {}
    for difference in differences:
        if isinstance(difference, dict):
            for paths in difference.values():
                flat |= _leaves(paths)
        else:
            flat["cmd"] = difference.removeprefix("changed ")
    return flat


def _leaves(paths: dict[str, Any]) -> dict[str, str]:
    """Parameter files hold a mapping of their keys."""
    flat: dict[str, str] = {}
    for path, how in paths.items():
        flat |= (
            {f"{path}:{key}": h for key, h in how.items()} if isinstance(how, dict) else {path: how}
        )
    return flat
