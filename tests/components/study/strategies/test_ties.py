"""Finalists over folds: trained anew while they are tied, and judged once more at the end."""

from dataclasses import replace

import pytest

from components.model.partial.cost import Cost
from components.study.space import Space
from components.study.strategies.strategy import MOST_RUNS, Finalist, Notes, session
from components.study.trial import Trial
from components.training.history import Epoch
from components.training.recipe import Setting

ONE, OTHER = (Setting(freeze_depth=depth, learning_rate=1e-3) for depth in (2, 3))
ERROR = 0.03


@pytest.fixture
def space(plan):
    """Of four groups."""
    return Space(
        plan=replace(plan, freeze_depths=(0, 4)),
        cost=Cost((10, 10, 10, 10, 1)),
        layers=("a", "b", "c", "d", "head"),
        train_rows=320,
        validation_rows=80,
        norm_scales=(1.0,) * 5,
        folds=5,
        pool=80,
    )


def ran(number, asked, score):
    epoch = Epoch(
        epoch=1,
        train_loss=0.0,
        train_score=0.0,
        validation_loss=1 - score,
        validation_score=score,
        validation_score_error=ERROR,
        learning_rate=0.0,
    )
    return Trial(
        number=number,
        state="complete",
        origin=asked.origin,
        stage=asked.stage,
        layer="c",
        trained_fraction=0.5,
        setting=asked.setting,
        history=(epoch,),
        cost=1,
        cached=True,
        why="",
        audit=(),
    )


def confirmed(space, scores):
    """The setting chosen of two, and what was trained, where runs reach these in their turn."""

    def exploring():
        return [Finalist(ONE), Finalist(OTHER)]
        yield

    left, trials, notes = {ONE: iter(scores[0]), OTHER: iter(scores[1])}, [], Notes()
    asking = session(space, exploring(), notes, lambda _: False)
    try:
        asked = next(asking)
        while True:
            trials.append(ran(len(trials), asked, next(left[asked.setting])))
            asked = asking.send(trials[-1])
    except StopIteration as ended:
        return ended.value, [trial.setting for trial in trials], notes


def test_a_clear_lead_is_judged_once_more(space):
    """By a run that nothing is chosen by."""
    chosen, runs, _ = confirmed(space, [[0.9, 0.88], [0.8]])
    assert chosen == ONE
    assert runs == [ONE, OTHER, ONE]


def test_tied_finalists_are_trained_anew_until_they_are_not(space):
    """What differs from run to run decides from two runs on."""
    chosen, runs, notes = confirmed(space, [[0.80, 0.80], [0.82, 0.86, 0.85]])
    assert chosen == OTHER
    assert runs == [ONE, OTHER, OTHER, ONE, OTHER]
    assert sum("once more" in sentence for _, sentence in notes.sentences) == 1


def test_a_tie_that_stays_ends(space):
    """After so many runs of each."""
    chosen, runs, _ = confirmed(space, [[0.80, 0.86] * 3, [0.82, 0.84] * 3])
    assert chosen in (ONE, OTHER)
    assert len(runs) == 2 * MOST_RUNS + 1
    assert [runs[:-1].count(one) for one in (ONE, OTHER)] == [MOST_RUNS, MOST_RUNS]


def test_without_folds_each_is_trained_anew_as_often_as_is_asked(space):
    """As ever."""
    chosen, runs, _ = confirmed(replace(space, folds=1, pool=0), [[0.80], [0.81]])
    assert chosen == OTHER
    assert runs == [ONE, OTHER]
