"""Values for one run are in the files while it lasts, and in no case longer."""

import json
import os
import signal
import subprocess
import sys

import pytest
from places import ROOT

from flows.parameters import once
from flows.runtime import locks

KILLED = """\
import os, signal, sys
from pathlib import Path
from flows.parameters import once
from flows.project import Project
project = Project(Path(sys.argv[1]))
path = project.params / "train.yaml"
with once.in_force(project, {path: "epochs: 1\\n"}):
    print(path.read_text(), flush=True)
    os.kill(os.getpid(), int(sys.argv[2]))
"""


@pytest.fixture
def train(shipped):
    return shipped.params / "train.yaml"


@pytest.fixture
def killed(shipped):
    """A run for once that a signal ends while its values are in force."""

    def kill(number):
        command = [sys.executable, "-c", KILLED, str(shipped.root), str(int(number))]
        given = os.environ | {"PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, env=given, capture_output=True, text=True, check=False)
        assert done.returncode == -number
        assert "epochs: 1" in done.stdout

    return kill


def test_the_files_are_as_before_afterwards(shipped, train):
    """To the byte, also after an error."""
    before = train.read_bytes()
    with once.in_force(shipped, {train: "epochs: 1\n"}):
        assert train.read_text() == "epochs: 1\n"
    assert train.read_bytes() == before
    with pytest.raises(KeyError), once.in_force(shipped, {train: "epochs: 1\n"}):
        raise KeyError
    assert train.read_bytes() == before
    assert once.restore(shipped) == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_run_leaves_what_the_next_command_needs(shipped, train, killed, number):
    """What stood there is on disk before any file is changed."""
    before = train.read_bytes()
    killed(number)
    assert train.read_bytes() != before
    assert once.restore_after_kill(shipped) == ["params/train.yaml"]
    assert train.read_bytes() == before
    assert once.restore_after_kill(shipped) == []


def test_a_kill_before_the_files_changed_changes_nothing(shipped, train):
    """The journal is there, the file as it was."""
    before = train.read_text()
    journal = shipped.private / "once.json"
    journal.parent.mkdir()
    journal.write_text(json.dumps({"train.yaml": [before, "epochs: 1\n"]}))
    assert once.restore_after_kill(shipped) == []
    assert train.read_text() == before
    assert not journal.exists()


def test_what_a_person_wrote_since_stays(shipped, train, killed):
    """Nothing of theirs is overwritten."""
    killed(signal.SIGKILL)
    train.write_text("epochs: 77\n")
    assert once.restore_after_kill(shipped) == []
    assert train.read_text() == "epochs: 77\n"


def test_a_run_under_way_keeps_its_values(shipped, train, killed):
    """Whoever only looks takes nothing from under it."""
    killed(signal.SIGKILL)
    with locks.run(shipped):
        assert once.restore_after_kill(shipped) == []
        assert train.read_text() == "epochs: 1\n"
