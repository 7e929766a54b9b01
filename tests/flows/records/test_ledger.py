"""The ledger keeps every fact once, and survives a writer that was killed."""

import json

import pytest

from components.frame.errors import DataError, UnreachableError
from flows.project import Project
from flows.records import ledger


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


def entry(kind="registered", **fields):
    """All fields of a kind, those that do not matter empty."""
    return {"kind": kind, **dict.fromkeys(ledger.KINDS[kind]), **fields}


def test_facts_come_back_in_their_order(project):
    """What was recorded is read by kind and fields, the oldest first."""
    for version in (1, 2):
        ledger.record(project, **entry(name="n", version=version))
    ledger.record(project, **entry("verdict", name="n"))

    assert [entry["version"] for entry in ledger.read(project, "registered")] == [1, 2]
    assert ledger.last(project, "registered", version=1)["version"] == 1
    assert ledger.last(project, "registered", name="m") is None


def test_a_fact_is_recorded_once(project):
    """The same fact again adds no line."""
    assert ledger.record(project, **entry(name="n", version=1))
    assert not ledger.record(project, **entry(name="n", version=1))
    assert len(project.ledger.read_text().splitlines()) == 1


def test_a_fact_with_a_value_of_none_is_a_fact(project):
    """A verdict without champion is not found where a champion is asked for, nor doubled."""
    assert ledger.record(project, **entry("verdict", champion=None))
    assert not ledger.record(project, **entry("verdict", champion=None))
    assert ledger.last(project, "verdict", champion="x") is None
    assert ledger.last(project, "verdict", version=None) is None


def test_a_torn_last_line_is_no_line(project):
    """A line that a killed writer left is passed over, and the next one is whole."""
    ledger.record(project, **entry(version=1))
    with project.ledger.open("a") as file:
        file.write('{"kind": "registered", "vers')

    assert len(ledger.read(project, "registered")) == 1
    ledger.record(project, **entry(version=2))
    lines = project.ledger.read_text().splitlines()
    assert [json.loads(line)["version"] for line in lines] == [1, 2]


def test_a_disk_that_takes_nothing_is_said(project):
    """A ledger that cannot be written is an error that names the remedy."""
    project.ledger.mkdir(parents=True)
    with pytest.raises(UnreachableError, match="Make room"):
        ledger.append(project, **entry(version=1))


@pytest.mark.parametrize("kind", list(ledger.KINDS))
def test_an_entry_holds_the_fields_of_its_kind(project, kind):
    """No more, no fewer: what is not told in the table is not written."""
    ledger.append(project, **entry(kind))
    (written,) = ledger.read(project, kind)
    assert set(written) == {"at", "kind", *ledger.KINDS[kind]}
    with pytest.raises(ValueError, match="unheard"):
        ledger.append(project, **entry(kind), unheard=1)
    with pytest.raises(ValueError, match="must hold"):
        ledger.append(project, kind)


def test_entries_of_before_are_read_in_the_names_of_today(project):
    """What Thawline 0.1 wrote answers the questions of now."""
    project.ledger.parent.mkdir()
    old = {"at": 1.0, "kind": "verdict", "name": "n", "pictures": 9, "champion_accuracy": 0.5}
    project.ledger.write_text(json.dumps(old) + "\n")
    (found,) = ledger.read(project, "verdict", name="n")
    assert (found["images"], found["champion_score"], found["alpha"]) == (9, 0.5, None)
    assert "pictures" not in found


def test_a_damaged_ledger_is_said(project):
    """As after a merge that left its marks."""
    ledger.record(project, **entry(name="n", version=1))
    with project.ledger.open("a") as file:
        file.write("<<<<<<< HEAD\n")
    with pytest.raises(DataError, match="one JSON object a line"):
        ledger.read(project, "registered")
