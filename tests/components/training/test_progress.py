"""A fit that goes on after a kill says where."""

import pytest

from components.frame.events import Events
from components.training.history import Epoch
from components.training.progress import EpochReport


class Named:
    """A task, as far as a report asks it."""

    def shown(self, score):
        return f"{score:.1%}"


def epoch(number):
    return Epoch(
        epoch=number,
        train_loss=1.0,
        train_score=0.5,
        validation_loss=1.0,
        validation_score=0.5,
        validation_score_error=0.1,
        learning_rate=0.001,
    )


@pytest.fixture
def report(tmp_path):
    """One of a fit of three epochs, as each attempt makes it; and what was shown."""
    shown = []

    def made():
        log = Events(tmp_path / "events.jsonl", shown.append)
        return EpochReport(log, "train", Named(), trial=None, epochs=3)

    return made, shown


def test_it_says_nothing_where_it_begins(report):
    """There is nothing to go on from."""
    made, shown = report
    made().tell_resumption()
    assert shown == []


def test_it_goes_on_after_the_last_epoch_that_was_told(report):
    """Epochs told before are not told again."""
    made, shown = report
    first = made()
    first(epoch(1), 1.0, 10.0)
    first(epoch(2), 1.0, 10.0)
    second = made()
    second.tell_resumption()
    assert shown[-1]["sentence"] == "goes on after epoch 2 of 3"
    second(epoch(2), 1.0, 10.0)
    assert len(shown) == 3


def test_it_says_nothing_where_all_was_told(report):
    """Such a fit has nothing left to do."""
    made, shown = report
    for number in (1, 2, 3):
        made()(epoch(number), 1.0, 10.0)
    made().tell_resumption()
    assert len(shown) == 3
