"""`thawline worker`: a search stage whose files are thrown away, in the study of all."""

import pytest

from components.frame.errors import UsageError
from components.study.shared_record import VARIABLE
from flows.pipeline import worker
from flows.project import Project

STAGE = """
import sys
from pathlib import Path
Path(sys.argv[2], "best.yaml").write_text("found")
sys.exit(5 if sys.argv[1] == "search" else 1)
"""


def test_without_a_database_to_share_it_is_refused(tmp_path, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(UsageError, match=f"{VARIABLE} must name the database"):
        worker.work(Project(tmp_path))


def test_it_runs_the_search_apart_and_hands_its_exit_code_on(tmp_path, monkeypatch):
    """Nothing that the stage writes is left, not even its folder."""
    monkeypatch.setenv(VARIABLE, "postgresql://127.0.0.1/name")
    stage = tmp_path / "components" / "frame" / "stage.py"
    stage.parent.mkdir(parents=True)
    stage.write_text(STAGE)
    for package in stage.parents[:2]:
        (package / "__init__.py").touch()
    assert worker.work(Project(tmp_path)) == 5
    assert list(Project(tmp_path).private.iterdir()) == []
