"""DVC works in any folder, and without git."""

import shutil

import pytest

from components.frame.errors import UsageError
from flows.building import graph, stages
from flows.project import Project


@pytest.mark.parametrize("name", ["my 100%20 sure? #1 é'", "a@b:c"])
def test_a_stage_is_built_in_a_folder_of_any_name(name, toy, tmp_path):
    """And found fresh there, and nothing lies beside the folder."""
    toy = Project(toy.root.rename(tmp_path / name))
    ingest = next(node for node in graph.nodes(toy) if node.name == "ingest")
    before = {path.name for path in tmp_path.iterdir()}
    assert stages.build(toy, ingest, print) == "ran"
    assert "ingest" not in graph.changes(toy)
    assert graph.changes(toy, "ingest") == {}
    assert {path.name for path in tmp_path.iterdir()} == before | {"dvc"}


def test_a_folder_that_dvc_cannot_work_in_is_said(toy, tmp_path):
    """DVC takes braces for places to fill, after the stage has run."""
    toy = Project(toy.root.rename(tmp_path / "a{b}"))
    with pytest.raises(UsageError, match="braces"):
        graph.changes(toy)


@pytest.mark.parametrize("git", ["none", "no program", "broken"])
def test_stages_are_built_without_git(git, toy, monkeypatch):
    """As after a download of the files alone."""
    if git == "none":
        shutil.rmtree(toy.root / ".git")
    elif git == "broken":
        (toy.root / ".git" / "HEAD").write_text("")
    else:
        monkeypatch.setenv("PATH", "")
    ingest = next(node for node in graph.nodes(toy) if node.name == "ingest")
    assert stages.build(toy, ingest, print) == "ran"
    assert graph.changes(toy, "ingest") == {}


@pytest.mark.parametrize("torn", ['{"write": [', "", "[]", "\0\0\0"])
def test_a_lock_that_a_power_cut_left_torn_holds_nobody_up(torn, toy):
    """DVC by itself would never work here again."""
    lock = toy.root / ".dvc" / "tmp" / "rwlock"
    lock.parent.mkdir()
    lock.write_text(torn)
    assert "ingest" in graph.changes(toy)
