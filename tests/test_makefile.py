"""What `make` hands on to `thawline`."""

import shlex
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def last_command(*arguments):
    """The command with which a target ends."""
    done = subprocess.run(
        ["make", "--no-print-directory", "--dry-run", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return shlex.split(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("source", ["../rocks", "my rocks.tar", "Ann's"])
def test_a_first_run_takes_ones_own_images(source):
    """Without an environment that is activated by hand, whatever the folder is called."""
    assert last_command("run", f"SOURCE={source}") == [
        *(".venv/bin/thawline", "run"),
        *("--set", f"ingest.source={source}"),
    ]


def test_without_a_source_the_parameters_are_as_they_are():
    """So a second `make run` finds nothing to do."""
    assert last_command("run") == [".venv/bin/thawline", "run"]


def test_the_pages_are_those_of_thawline_ui():
    """At a port of one's own where it is asked for."""
    assert last_command("ui") == [".venv/bin/thawline", "ui"]
    assert last_command("ui", "PORT=5001") == [".venv/bin/thawline", "ui", "--port", "5001"]
