"""Where a run is, can be read from outside."""

import json
import subprocess
import sys

import pytest

from flows.project import Project
from flows.runtime import at_work


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


def test_a_run_is_seen_with_its_task_until_its_end(project):
    """And since when."""
    assert at_work.now(project) is None
    with at_work.noted(project):
        assert at_work.now(project).task == ""
        at_work.note(project, "search")
        run = at_work.now(project)
        assert run.task == "search"
        assert run.began <= run.since
    assert at_work.now(project) is None


def test_a_run_that_was_killed_is_not_under_way(project):
    """Its note stays; its process is gone."""
    with at_work.noted(project):
        path = project.private / "at_work.json"
        noted = json.loads(path.read_text())
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    path.write_text(json.dumps(noted | {"process": dead.pid}))
    assert at_work.now(project) is None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"process": 1}'])
def test_a_torn_note_says_nothing(project, content):
    """It is written whole, but whoever asks need not rely on that."""
    project.private.mkdir(parents=True)
    (project.private / "at_work.json").write_text(content)
    assert at_work.now(project) is None
