"""The contest of whole jobs, run as a person runs it, on a few digits."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUDGET, SEEDS = 1, 2


@pytest.fixture(scope="module")
def said():
    """What it prints of three contestants."""
    command = "--data digits --size 32 --learn 100 --only ours whole head --no-mirror --json"
    done = subprocess.run(
        [
            sys.executable,
            "benchmarks/contest.py",
            *command.split(),
            *("--budget", str(BUDGET), "--seeds", str(SEEDS)),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_last_line_is_what_others_read(said):
    read = json.loads(said[-1])
    assert (read["data"], read["budget"], read["seeds"]) == ("digits", BUDGET, SEEDS)
    assert read["contestants"].keys() == {"ours", "whole", "head"}


def test_scores_are_those_of_networks_that_learn(said):
    contestants = json.loads(said[-1])["contestants"]
    assert contestants["head"]["score"] > 0.5, "a linear model tells digits apart"
    assert contestants["ours"]["score"] > 0.5
    assert all(one["seconds"] > 0 for one in contestants.values())


def test_errors_are_over_seeds(said):
    scores = [float(line.split()[3]) for line in said if line.startswith("seed") and "ours" in line]
    assert len(scores) == SEEDS
    error = json.loads(said[-1])["contestants"]["ours"]["standard_error"]
    assert error == pytest.approx(abs(scores[0] - scores[1]) / 2, abs=1e-4)
