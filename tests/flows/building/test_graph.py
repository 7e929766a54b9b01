"""The graph is read from `dvc.yaml` alone."""

import pytest

from components.frame.errors import UsageError
from flows.building import graph


def test_each_stage_comes_after_those_it_needs(toy):
    """The order of the edges counts, not that of the file."""
    nodes = {node.name: node for node in graph.nodes(toy)}
    assert list(nodes)[-1] == "split"
    assert set(nodes["split"].needs) == {"ingest", "base"}
    assert nodes["ingest"].needs == ()


def test_how_a_stage_is_operated_stands_in_its_meta(toy):
    """Retries and limits have one home; what is not said is none."""
    nodes = {node.name: node.meta for node in graph.nodes(toy)}
    assert nodes["split"] == graph.Meta(retries=1, retry_delay_seconds=0, timeout_minutes=1)
    assert nodes["base"] == graph.Meta()


@pytest.mark.parametrize("wrong", ["retires: 1", "retries: -1", "retries: many"])
def test_a_wrong_meta_is_named(toy, wrong):
    """A mistyped limit must not mean: no limit."""
    toy.pipeline.write_text(toy.pipeline.read_text().replace("retries: 1", wrong))
    with pytest.raises(UsageError, match=f"`split`.*{wrong.split()[1]}|split.*retires"):
        graph.nodes(toy)


def test_stages_in_a_circle_are_named(toy):
    """Two stages that need each other are an error with their names."""
    looped = toy.pipeline.read_text().replace("[ingest.py,", "[ingest.py, build/split,")
    toy.pipeline.write_text(looped)
    with pytest.raises(UsageError, match=r"ingest.*split"):
        graph.nodes(toy)


@pytest.mark.parametrize(
    ("differences", "words"),
    [
        ({"params/x.yaml": "new", "a.py": "modified"}, "not built before"),
        ({"params/x.yaml:rate": "modified"}, "params/x.yaml:rate modified"),
        ({f"{n}.py": "modified" for n in range(9)}, "9 files modified"),
    ],
)
def test_the_reason_is_short(differences, words):
    """A line of the log says why a stage begins."""
    assert graph.reason(differences) == words
