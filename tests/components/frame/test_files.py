"""Files appear whole or not at all, and a killed writer leaves nothing for good."""

import os
import signal

from components.frame import files


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
