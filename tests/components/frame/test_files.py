"""Files appear whole or not at all, and a killed writer leaves nothing for good."""

import os
import signal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from components.frame import files
from components.frame.errors import UsageError

YAML_SIGNS = "ab01x~: -?\n[]{},'\"#&!|>%=<.@`\\é\t\x85"


def killed(work) -> None:
    """Do `work` in a fork that is killed where it says so."""
    child = os.fork()
    if child == 0:
        work()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def test_what_a_killed_writer_left_goes_when_the_file_is_written_again(tmp_path):
    """Killed half-way, the old content stays; the next writer removes the half, nothing else."""
    path, other = tmp_path / "[best].yaml", tmp_path / ".[best].yaml.notes.yaml"
    files.write_text(path, "old\n")
    other.write_text("of a person\n")

    def half():
        with files.replacing(path) as temporary:
            temporary.write_text("ne")
            os.kill(os.getpid(), signal.SIGKILL)

    killed(half)
    assert path.read_text() == "old\n"
    assert len(list(tmp_path.iterdir())) == 3
    files.write_text(path, "new\n")
    assert path.read_text() == "new\n"
    assert {one.name for one in tmp_path.iterdir()} == {path.name, other.name}


def test_what_a_living_writer_writes_stays(tmp_path):
    """Of two who write one file at once, the last one's content is there, whole."""
    path = tmp_path / "done.json"
    with files.replacing(path) as first:
        first.write_text("first")
        files.write_text(path, "second")
        assert path.read_text() == "second"
    assert path.read_text() == "first"
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


@given(st.text(YAML_SIGNS, max_size=12))
def test_yaml_is_read_as_dvc_reads_it_however_it_is_scanned(text):
    """By the reader that knows YAML 1.2 alone, also where a faster one may be taken."""
    try:
        expected = YAML(typ="safe", pure=True).load(text)
    except YAMLError:
        expected = YAMLError
    try:
        found = files._parsed.__wrapped__(text, "it")
    except YAMLError:
        found = YAMLError
    except UsageError:  # an alias
        return
    assert repr(found) == repr(expected)


def test_most_yaml_is_scanned_the_fast_way():
    """The longest of ours, and what a person may write."""
    root = Path(__file__).parents[3]
    assert files._is_plain((root / "dvc.yaml").read_text())
    for text in ("a: [1, 2]\n", "a: 'b'  # a word\n"):
        assert files._is_plain(text)


@pytest.mark.parametrize("text", ["[" * 10**5, "- " * 10**5, "a: " + "{" * 300])
def test_yaml_that_would_end_the_process_is_not(text):
    """The fast scanner goes down level by level on the stack of the process."""
    assert not files._is_plain(text)
