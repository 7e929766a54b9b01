"""A place for a stage alone."""

import pytest
import report_inputs
from places import Place


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A project folder of its own; a stage's signal handler does not outlive the test."""
    monkeypatch.setattr("signal.signal", lambda *_: None)
    return Place(tmp_path / "project")


@pytest.fixture
def built(place):
    """What the stages before `report` leave behind."""
    report_inputs.write_all(place.root)
    return place
