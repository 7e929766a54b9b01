"""Killed at any write, a run that is called again ends as if it had never been disturbed.

What is covered: every write of every stage and action, as Python tells of it, before and after it;
files that are written whole, in their middle; what DVC writes around `ingest` and `split`; and 50
drawn writes of whole runs, in whatever process. What is not: a write within an SQLite database
(SQLite's own promise), two kills in one run, and a power cut that takes from the disk what the
system held in memory.
"""

import subprocess
import sys
from pathlib import Path

import pytest
from line import ACTIONS, STAGES

HERE = Path(__file__).parent
STEPS = [
    *(f"stage:{name}" for name in STAGES),
    "build:ingest",
    "build:split",
    "action:sync",
    *(f"action:{name}" for name in ACTIONS),
    *(f"action:{name}:again" for name in ACTIONS),
]


def scheduled(script, *arguments):
    """Run a schedule; 0 where every end was the undisturbed one, and what it told."""
    command = [sys.executable, HERE / script, *map(str, arguments)]
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE, check=False)
    print(done.stdout)
    return done.returncode, done.stdout


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """Where the undisturbed line is kept for all schedules."""
    return tmp_path_factory.mktemp("chaos")


@pytest.fixture
def drawn(request):
    """What is drawn: `--seed N`, or another one each day; and `--share K/N` of all that is."""
    option = request.config.getoption
    return ("--seed", option("--seed"), "--share", option("--share"))


def test_killed_at_three_drawn_writes_of_two_stages(tmp_path, drawn):
    """What is done for all of them, as small as can be."""
    steps = ("stage:ingest", "stage:split")
    code, told = scheduled("schedule.py", tmp_path, *steps, "--until", "split", "--draw", 3, *drawn)
    assert code == 0, told


@pytest.mark.chaos
@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_write_of_a_step(folder, step, drawn):
    """Every write, before, during and after it."""
    code, told = scheduled("schedule.py", folder, step, *drawn)
    assert code == 0, told


@pytest.mark.chaos
def test_power_cut_at_drawn_writes_of_whole_runs(folder, drawn):
    """Fifty, in any process of a run."""
    code, told = scheduled("whole.py", folder, "--draw", 50, *drawn)
    assert code == 0, told
