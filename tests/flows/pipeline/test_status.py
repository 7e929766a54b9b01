"""While a run is under way, whoever asks is told how it stands, and the run is left alone."""

import json

import pytest

from components.frame import files
from components.frame.errors import UsageError
from components.frame.events import Events
from flows.pipeline import status
from flows.project import Project
from flows.runtime import at_work, locks


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


@pytest.fixture
def searching(project):
    """A run that has come to its search's first trial, and holds the project's lock."""
    folder = project.private / "work" / "search"
    files.write_text(folder / "current", "one\n")
    Events(folder / "one" / "events.jsonl").emit(
        "begun",
        number=0,
        stage="full",
        layer="head",
        trained_fraction=0.1,
        learning_rate=0.01,
        epochs=4,
        seconds_left=600.0,
    )
    files.write_text(project.private / "outlook.json", json.dumps({"search": 600, "train": 120}))
    with locks.run(project), at_work.noted(project):
        at_work.note(project, "search")
        yield project


def test_status_says_where_the_run_is(searching):
    """DVC, which the run may hold, is not asked."""
    text = status.screen(searching)
    assert "run       under way for " in text
    assert "task      search, for " in text
    assert "now at    trial 0, epoch 1 of 4" in text
    assert "left      about " in text
    assert "then      about 2 min 0 s for the rest, by forecast" in text
    assert text.endswith("champion  none yet")


def test_the_search_under_way_is_shown_before_any_ended(searching):
    """Its trials, and how it stands."""
    text = status.search(searching)
    assert text.splitlines()[1].split()[:5] == ["0", "full", "under", "way", "head"]
    assert "now at    trial 0, epoch 1 of 4" in text


def test_without_a_run_the_last_search_is_shown(project):
    """Or how to get one."""
    with pytest.raises(UsageError, match="thawline run"):
        status.search(project)
