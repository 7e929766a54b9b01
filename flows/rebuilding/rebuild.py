"""The command `thawline rebuild`: the same weights again, from a version's lineage.

The images and the starting weights come from the DVC remote, all the rest is computed.
"""

import time

from components.frame.durations import duration
from flows.building import graph, stages
from flows.building.stages import StageFailedError
from flows.project import Project
from flows.rebuilding import clone, comparison, fetch
from flows.rebuilding.lineage import Lineage
from flows.registry import versions
from flows.serving import fetched


def rebuild(project: Project, version: int, name: str | None = None) -> int:
    """Build a version again and compare; 0 where the weights are equal, 1 where they differ.

    Raises:
        UsageError: there is no such version, it cannot be rebuilt, or not in this clone.
        DataError: what was fetched is not what the version was built from.
        UnreachableError: the store or the DVC remote is away.
    """
    wanted = versions.Name(name or versions.model_name(project), version=version)
    with fetched.named(project, wanted) as (registered, folder):
        lineage = Lineage.read(folder, registered)
        clone.check_code(project, lineage)
        clone.prepare(project, lineage)
        _say("fetch", fetch.fetch(project, lineage))
        fetch.list_images(project, lineage)
        _compute(project)
        equal, lines = comparison.compare(project, lineage)
    clone.finish(project)
    print("\n".join(lines))
    return 0 if equal else 1


def _compute(project: Project) -> None:
    """Run every stage but those whose outputs were fetched, and take nothing from a cache."""
    for node in graph.nodes(project):
        if node.name not in fetch.STAGES:
            _say(node.name, "begins")
            begun = time.monotonic()
            _build(project, node)
            _say(node.name, f"ran in {duration(time.monotonic() - begun)}")


def _build(project: Project, node: graph.Node) -> None:
    def say(line: str) -> None:
        _say(node.name, line)

    try:
        stages.build(project, node, say, anew=True)
    except StageFailedError as error:
        sentence = f"{node.name} {error}. What is finished is kept: the same command goes on."
        raise StageFailedError(sentence, error.exit_code, error.state) from error


def _say(what: str, line: str) -> None:
    print(f"{what:<9} {line}", flush=True)
