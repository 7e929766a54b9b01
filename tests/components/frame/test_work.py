"""What a stage keeps between runs, and what becomes of it when its format changes."""

import shutil

import pytest

from components.frame.errors import UsageError
from components.frame.spec import Spec
from components.frame.work import FORMAT, open_work

STAGE = Spec(name="train", deps=(), outs=())


def kept(root):
    """A study as an earlier Thawline left it."""
    study = root / ".thawline" / "work" / "search" / "0123" / "study.db"
    study.parent.mkdir(parents=True)
    study.write_bytes(b"trials")
    return study


@pytest.mark.parametrize("said", [None, "1"])
def test_state_of_an_earlier_format_is_set_apart_and_said_once(tmp_path, capsys, said):
    """Not resumed, not removed, and one line tells how its room is freed."""
    kept(tmp_path)
    if said:
        (tmp_path / ".thawline" / "format").write_text(said)
    work = open_work(STAGE, tmp_path)
    (line,) = capsys.readouterr().out.splitlines()
    assert "not resumed" in line
    assert "rm -r .thawline/work-1" in line
    assert (tmp_path / ".thawline/work-1/search/0123/study.db").read_bytes() == b"trials"
    assert not (tmp_path / ".thawline/work/search").exists()
    (work.folder / "study.db").write_bytes(b"new")
    assert (open_work(STAGE, tmp_path).folder / "study.db").read_bytes() == b"new"
    assert capsys.readouterr().out == ""


def test_nothing_is_said_where_nothing_was_kept(tmp_path, capsys):
    """A fresh clone, or one whose `.thawline/` was deleted."""
    open_work(STAGE, tmp_path)
    assert capsys.readouterr().out == ""
    assert (tmp_path / ".thawline" / "format").read_text() == f"{FORMAT}\n"


def test_what_was_set_apart_before_stays(tmp_path):
    """Where someone removed the number, the older folder is not overwritten."""
    for name in ("work-1", "work-2"):
        kept(tmp_path)
        open_work(STAGE, tmp_path)
        assert (tmp_path / ".thawline" / name / "search").is_dir()
        shutil.rmtree(tmp_path / ".thawline" / "work")
        (tmp_path / ".thawline" / "format").unlink()


def test_a_strange_number_is_refused(tmp_path):
    """Nothing is guessed."""
    (tmp_path / ".thawline").mkdir()
    (tmp_path / ".thawline" / "format").write_text("two")
    with pytest.raises(UsageError, match="must hold a number, but holds 'two'"):
        open_work(STAGE, tmp_path)
