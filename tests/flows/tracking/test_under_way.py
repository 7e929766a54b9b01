"""How a stage stands is read from what it told."""

import pytest

from components.frame import files
from components.frame.events import Events
from flows.project import Project
from flows.tracking import under_way

EPOCH = {
    "train_loss": 1.0,
    "train_score": 0.5,
    "validation_loss": 1.0,
    "validation_score_error": 0.01,
    "learning_rate": 0.001,
    "images_per_second": 100.0,
}


class Teller:
    """Tells what a stage would, in a project."""

    def __init__(self, project, stage):
        folder = project.private / "work" / stage
        files.write_text(folder / "current", "one\n")
        self.events = Events(folder / "one" / "events.jsonl")
        self.read = lambda: under_way.stage(project, stage)

    def begun(self, number, seconds_left=100.0, epochs=4):
        self.events.emit(
            "begun",
            number=number,
            stage="full",
            layer="blocks.2",
            trained_fraction=0.9,
            learning_rate=0.003,
            epochs=epochs,
            seconds_left=seconds_left,
        )

    def epoch(self, trial, epoch, score, epochs=4, seconds=10.0):
        self.events.emit(
            "epoch",
            fit="train" if trial is None else f"trial-{trial:04}",
            trial=trial,
            epochs=epochs,
            epoch=epoch,
            validation_score=score,
            seconds=seconds,
            shown=f"{score:.1%}",
            **EPOCH,
        )

    def ended(self, number, state="complete"):
        self.events.emit(
            "trial",
            number=number,
            state=state,
            value=0.5,
            freeze_depth=2,
            layer="blocks.2",
            trained_fraction=0.9,
            learning_rate=0.003,
            stage="full",
            cached=True,
            seconds=40.0,
            outcome="",
        )


@pytest.fixture
def teller(tmp_path):
    return lambda stage: Teller(Project(tmp_path), stage)


def test_a_stage_that_told_nothing_is_nowhere(tmp_path):
    """Those without a work folder, too."""
    told = under_way.stage(Project(tmp_path), "search")
    assert under_way.facts(told) == []
    assert not told.finished


def test_a_search_says_trial_epoch_best_and_time(teller):
    """The best is of trials that ended: an epoch under way has another schedule."""
    search = teller("search")
    search.begun(0)
    search.epoch(0, 1, 0.9)
    search.epoch(0, 2, 0.8)
    search.ended(0)
    search.begun(1, seconds_left=70.0)
    search.epoch(1, 1, 0.95)
    told = search.read()
    at = told.events[-1]["at"]
    assert under_way.facts(told, at) == [
        ("now at", "trial 1, epoch 2 of 4"),
        ("best", "validation 80.0% (trial 0)"),
        ("left", "about 1 min 10 s of search"),
    ]
    lines = under_way.trials(told)
    assert lines[1].split() == [
        "0",
        "full",
        "complete",
        "blocks.2",
        "0.003",
        "2",
        "of",
        "4",
        "80.0%",
    ]
    assert "under way" in lines[2]


def test_a_search_takes_at_least_as_long_as_its_trial(teller):
    """Where what it may spend is spent already."""
    search = teller("search")
    search.begun(0, seconds_left=1.0)
    search.epoch(0, 1, 0.5, seconds=60.0)
    told = search.read()
    assert told.left(told.events[-1]["at"]) == 180.0


def test_a_pruned_trial_is_not_the_best(teller):
    """Its score is none of a full trial."""
    search = teller("search")
    search.begun(0)
    search.epoch(0, 1, 0.9)
    search.ended(0, state="pruned")
    assert search.read().best() is None


def test_a_training_says_epoch_best_and_time(teller):
    """The best epoch's score; the time as the last epoch took it."""
    train = teller("train")
    train.epoch(None, 1, 0.7, epochs=8)
    train.epoch(None, 2, 0.6, epochs=8)
    told = train.read()
    assert under_way.facts(told, told.events[-1]["at"]) == [
        ("now at", "epoch 3 of 8"),
        ("best", "validation 70.0% (epoch 1)"),
        ("left", "about 1 min 0 s of train"),
    ]


def test_a_step_says_how_far_it_is(teller):
    """Until something else is told."""
    search = teller("search")
    search.events.emit("progress", stage="search", what="decoded", done=1000, total=2000)
    assert under_way.where(search.read()) == "decoded 1,000 of 2,000"


def test_a_step_that_is_done_says_nothing_of_what_comes_after_it(teller):
    """Nor does its end hide the trial that goes on after a kill."""
    search = teller("search")
    search.events.emit("progress", stage="search", what="decoded", done=20, total=20)
    assert under_way.where(search.read()) == ""
    assert under_way.part(search.read()) is None
    search.begun(0)
    search.epoch(0, 1, 0.5)
    search.events.emit("progress", stage="search", what="decoded", done=20, total=20)
    assert under_way.where(search.read()) == "trial 0, epoch 2 of 4"
