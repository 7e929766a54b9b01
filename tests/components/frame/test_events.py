"""Events hold what their table says, and read as a person wants them."""

import pytest

from components.frame import events, narration
from components.frame.events import FIELDS, Events


def test_event_with_other_fields_is_refused(tmp_path):
    """The table is what readers rely on."""
    log = Events(tmp_path / "events.jsonl")
    log.emit("finished", stage="train", seconds=1.0)
    for fields in ({"stage": "train"}, {"stage": "train", "seconds": 1.0, "more": 2}):
        with pytest.raises(ValueError, match="must have the fields"):
            log.emit("finished", **fields)
    assert [event["kind"] for event in events.read(log.path)] == ["finished"]


def test_every_kind_that_is_told_is_in_the_table():
    """No line is made for a kind that nobody emits."""
    assert set(narration.LINES) - {"sentence"} <= set(FIELDS)


def test_sentence_is_shown_and_not_kept(tmp_path, capsys):
    """Decisions lie in a table of their own."""
    log = Events(tmp_path / "events.jsonl", events.narrator())
    log.say("The head alone is seldom best.")
    log.emit("progress", stage="train", what="decoded", done=1200, total=3000)
    assert capsys.readouterr().out.splitlines() == [
        "  The head alone is seldom best.",
        "  decoded 1,200 of 3,000",
    ]
    assert len(events.read(log.path)) == 1
