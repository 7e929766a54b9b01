"""The check of a GPU, rehearsed on the CPU on a few digits."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TINY = "--data digits --device cpu --size 28 --limit 110 --json"


def call(*arguments):
    return subprocess.run(
        [sys.executable, "benchmarks/gpu_check.py", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_every_check_but_the_search_is_passed():
    """A line each, and their figures last."""
    done = call(*TINY.split(), "--only", "precision", "freezing", "cache", "speed")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    passed = [line.split()[1] for line in lines if line.startswith("passed")]
    assert passed == ["precision:", "freezing:", "cache:", "speed:"]
    figures = json.loads(lines[-1])
    assert figures["device"] == "cpu"
    assert figures["cache_ratio"] > 0
    assert 0 < figures["waiting"] < 1
