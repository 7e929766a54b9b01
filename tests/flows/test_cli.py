"""The command answers at once, in sentences, with the exit code that a schedule needs."""

import json
import os
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from flows.cli import app
from flows.runtime import locks

HEAVY = {"torch", "dvc", "prefect", "mlflow", "pandas", "numpy", "timm", "cv2", "sklearn"}
TELL_IMPORTS = """\
import sys
from flows.cli import main
try:
    main()
finally:
    print("imported", *sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
"""


@pytest.fixture
def thawline(surroundings):
    """Run a command in a folder: what it said, its exit code, what it imported, its CPU-seconds."""

    def call(project, *arguments):
        before = os.times()
        done = subprocess.run(
            [sys.executable, "-c", TELL_IMPORTS, *arguments],
            cwd=project.root,
            env=surroundings,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        after = os.times()
        errors, _, imported = done.stderr.rpartition("imported ")
        spent = after.children_user + after.children_system
        spent -= before.children_user + before.children_system
        assert "Traceback" not in errors
        return done.stdout + errors, done.returncode, set(imported.split()) & HEAVY, spent

    return call


def test_help_is_light(toy, thawline):
    """Whoever asks for help waits for nothing."""
    said, code, heavy, spent = thawline(toy, "--help")
    assert code == 0
    assert heavy == set()
    assert spent < 1
    for command in ("run", "sync", "publish", "register", "judge", "promote", "push", "status"):
        assert command in said


@pytest.mark.parametrize("command", ["predict", "rebuild"])
def test_help_on_a_command_is_light(toy, thawline, command):
    """Also on those that need a model."""
    said, code, heavy, spent = thawline(toy, command, "--help")
    assert (code, heavy) == (0, set())
    assert spent < 1
    assert "--model" in said or "--version" in said


def test_help_has_a_short_name_everywhere():
    """`-h` as well as `--help`, on every command and below every group."""
    waiting = [((), typer.main.get_command(app))]
    while waiting:
        names, command = waiting.pop()
        waiting += [((*names, name), one) for name, one in getattr(command, "commands", {}).items()]
        for option in ("-h", "--help"):
            done = CliRunner().invoke(app, [*names, option])
            assert done.exit_code == 0, names
            assert "Usage:" in done.output


def test_a_relative_path_begins_where_the_person_stands(toy, thawline):
    """Not where the project lies; and a refused value leaves the file as it was."""
    below = toy.root / "photos"
    below.mkdir()
    before = (toy.params / "ingest.yaml").read_bytes()
    said, code, heavy, _ = thawline(type(toy)(below), "run", "--set", "ingest.source=mine")
    assert (code, heavy) == (2, set())
    assert "'photos/mine' does not exist" in said
    assert (toy.params / "ingest.yaml").read_bytes() == before


def test_an_unknown_network_is_told_quickly(toy, thawline):
    """Timm and torch take seconds to import, a table of names does not."""
    said, code, heavy, spent = thawline(toy, "run", "--set", "base.architecture=resnt50")
    assert (code, heavy) == (2, set())
    assert "Near are: resnet50" in said
    assert spent < 1


def test_any_command_brings_back_what_a_killed_run_set_for_once(toy, thawline):
    """Here one that only looks."""
    path = toy.params / "split.yaml"
    before = path.read_text()
    during = before.replace("0.2 ", "0.3 ")
    toy.private.mkdir()
    (toy.private / "once.json").write_text(json.dumps({"split.yaml": [before, during]}))
    path.write_text(during)
    said, code, heavy, _ = thawline(toy, "params", "split.test")
    assert (code, heavy) == (0, set())
    assert "params/split.yaml is as before the killed run" in said
    assert "test_fraction            0.2\n" in said
    assert path.read_text() == before


def test_wrong_parameters_are_all_told_at_once_and_quickly(toy, thawline):
    """No stage begins, no server starts, nothing heavy is imported."""
    (toy.params / "base.yaml").write_text("source: package\nseed: -1\n")
    said, code, heavy, spent = thawline(toy, "run", "--set", "split.test_fraktion=0.1")
    assert code == 2
    assert "Did you mean `test_fraction`?" in said
    assert "architecture is missing" in said
    assert "seed" in said
    assert heavy == set()
    assert spent < 1


def test_nothing_to_do_is_said_within_a_second(settled, thawline):
    """A scheduled run without news starts nothing and says why in one line."""
    said, code, heavy, spent = thawline(settled, "run")
    assert (code, heavy) == (0, set())
    assert said.startswith("Nothing to do: ")
    assert said.count("\n") == 1
    assert spent < 1


def test_a_second_run_is_refused(toy, thawline):
    """Two runs in one project would build into each other's files."""
    with locks.run(toy):
        said, code, *_ = thawline(toy, "run")
    assert code == 5
    assert "under way" in said


def test_status_names_what_is_stale_and_pending(built, thawline):
    """A person sees what the next run would do."""
    (built.root / "split.py").write_text("print()\n")
    said, code, *_ = thawline(built, "status")
    assert code == 0
    assert "split  split.py modified" in said
    assert "publish, register, judge, promote, push" in said
    assert "champion  none yet" in said


def test_an_action_says_what_it_needs(toy, thawline):
    """Publishing before anything was built is a sentence, not a traceback."""
    (toy.params / "publish.yaml").write_text("experiment: toy\n")
    said, code, *_ = thawline(toy, "publish")
    assert code == 2
    assert "was not built yet" in said


def test_push_without_a_remote_says_so(built, thawline):
    """No remote is no error: most people work on one machine."""
    said, code, *_ = thawline(built, "push")
    assert code == 0
    assert "no DVC remote is set" in said


def test_push_sends_to_the_remote(built, thawline, tmp_path):
    """A folder will do as a remote; it gets every output."""
    remote = tmp_path / "remote"
    settings = f"[core]\n    remote = folder\n['remote \"folder\"']\n    url = {remote}\n"
    (built.root / ".dvc" / "config.local").write_text(settings)
    said, code, *_ = thawline(built, "push")
    assert code == 0, said
    assert "sent to the DVC remote folder" in said
    assert sum(path.is_file() for path in remote.rglob("*")) >= 3


def test_an_internal_error_is_a_sentence_and_a_log(toy, thawline):
    """The traceback is for us: it lies in a file, whose path a person can send along."""
    (toy.private / "built.json").mkdir(parents=True)
    said, code, *_ = thawline(toy, "run")
    assert code == 1
    assert "internal error; the traceback lies in .thawline/logs/thawline.log" in said
    assert "IsADirectoryError" in (toy.private / "logs" / "thawline.log").read_text()


@pytest.mark.parametrize("command", ["run", "sync", "publish", "judge", "push", "status"])
def test_a_project_that_takes_nothing_is_a_sentence(command, toy, thawline, read_only):
    """As on a disk that was mounted so, or in another person's folder."""
    with read_only(toy.root):
        said, code, *_ = thawline(toy, command)
    assert code == 5
    assert said.startswith("error: Files must be readable and their folders writable")


def test_an_internal_error_that_cannot_be_kept_is_a_sentence_too(toy, thawline, read_only):
    """It names the error itself, since no log does."""
    (toy.private / "built.json").mkdir(parents=True)
    (toy.private / "prefect").mkdir()
    (toy.private / "logs").mkdir()
    with read_only(toy.private / "logs"):
        said, code, *_ = thawline(toy, "run")
    assert code == 1
    assert said.startswith("error: internal error (IsADirectoryError: ")
    assert said.count("\n") == 1


def test_outside_a_project_the_command_says_where_it_belongs(tmp_path, toy, thawline):
    """The usual mistake of a first day."""
    said, code, *_ = thawline(type(toy)(tmp_path), "run")
    assert code == 2
    assert "dvc.yaml" in said


def test_an_unknown_command_is_a_usage_error(toy, thawline):
    """Exit code 2, as for a wrong parameter."""
    assert thawline(toy, "rnu")[1] == 2


def test_a_prefect_server_that_is_away_is_said_at_once(toy, thawline, surroundings):
    """Exit code 5 within seconds, with the address and what to do."""
    surroundings["PREFECT_API_URL"] = "http://127.0.0.1:9/api"
    said, code, *_ = thawline(toy, "run")
    assert code == 5
    assert "http://127.0.0.1:9/api does not" in said
