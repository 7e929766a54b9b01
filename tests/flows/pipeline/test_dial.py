"""An effort or a budget becomes parameters; what a person sets has the last word."""

import re
import shutil

import pytest
from places import ROOT

from components.frame.errors import UsageError
from flows.parameters.effort import EFFORTS, LADDER
from flows.pipeline import dial, forecast, outlook, overrides
from flows.project import Project


@pytest.fixture
def shipped(tmp_path):
    root = tmp_path.resolve() / "project"
    shutil.copytree(ROOT / "params", root / "params")
    shutil.copy(ROOT / "dvc.yaml", root)
    return Project(root)


def test_an_effort_sets_what_it_says(shipped):
    """As `--set` would."""
    made = dial.of_effort(shipped, "quick", [])
    assert made.values == EFFORTS["quick"]
    assert made.sentences() == []
    overrides.apply(shipped, made.texts)


def test_what_a_person_sets_has_the_last_word_and_is_said(shipped):
    """Beside the effort, whichever is named first."""
    made = dial.of_effort(shipped, "best", ["train.epochs=25"])
    assert "train.epochs" not in made.values
    assert made.sentences() == ["effort best: train.epochs is 25, as you set it"]
    changes = overrides.apply(shipped, [*made.texts, "train.epochs=25"])
    assert [str(one) for one in changes][-1] == "params/train.yaml: epochs 24 -> 25"


@pytest.mark.parametrize(
    ("effort", "text", "name", "default"),
    [
        ("best", "search.strategy=tpe", "search.compute", 1.0),
        ("quick", "augment.image_size=64", "augment.image_size_limit", None),
    ],
)
def test_what_would_have_no_effect_has_its_default(shipped, effort, text, name, default):
    """An effort is never refused for what it sets itself."""
    made = dial.of_effort(shipped, effort, [text])
    assert made.values[name] == default
    overrides.planned(shipped, [*made.texts, text])


def test_a_wrong_value_beside_it_is_refused_as_ever(shipped):
    """With its own sentence."""
    with pytest.raises(UsageError, match="Did you mean `epochs`"):
        dial.of_effort(shipped, "quick", ["train.epoks=3"])


@pytest.mark.parametrize(
    ("text", "seconds"), [("20m", 1200), ("1h30m", 5400), ("2h", 7200), ("90s", 90), ("5min", 300)]
)
def test_a_budget_is_read(text, seconds):
    """As people write it."""
    assert dial.read_budget(text) == seconds


@pytest.mark.parametrize("text", ["", "20", "0m", "-5m", "1.5h", "soon", "m"])
def test_what_is_no_time_is_refused(text):
    """With an example."""
    with pytest.raises(UsageError, match=r"--budget must be a time such as 20m, .* but is"):
        dial.read_budget(text)


@pytest.fixture
def machine(shipped, monkeypatch):
    """One that needs so long for a pass of one image through the default network."""

    def of(milliseconds):
        def slow(_project, values, census):
            return milliseconds / 1000 * (forecast.size(values, census) / 224) ** 2

        monkeypatch.setattr(forecast, "pass_seconds", slow)

    return of


def test_a_budget_takes_the_dearest_that_fits(shipped, machine):
    """Forecast by the same figures as a run's."""
    machine(1)
    values = [dial.of_budget(shipped, 60.0 * minutes, []).values for minutes in (3, 20, 600)]
    assert values[0] in LADDER
    assert values[-1] == EFFORTS["best"]
    places = [LADDER.index(one) for one in values]
    assert places == sorted(places)


def test_a_budget_says_what_is_forecast_for_it(shipped, machine):
    """Before hours are spent on it; an effort promises no time."""
    machine(1)
    said = dial.of_budget(shipped, 1200.0, []).sentences()
    assert re.fullmatch(r"budget 20 min 0 s, forecast (\d+ min )?\d+ s for all of it", said[0])
    assert dial.of_effort(shipped, "quick", []).sentences() == []


def test_a_budget_that_holds_nothing_is_refused_with_what_it_takes(shipped, machine):
    """About."""
    machine(100)
    with pytest.raises(UsageError, match=r"--budget must be about .* min .* or more for digits"):
        dial.of_budget(shipped, 60.0, [])


def test_a_faster_machine_gets_more(shipped, machine):
    """For the same time."""
    machine(0.1)
    fast = dial.of_budget(shipped, 240.0, []).values
    machine(8)
    slow = dial.of_budget(shipped, 240.0, []).values
    assert LADDER.index(fast) > LADDER.index(slow)


def test_the_ladder_rises(shipped):
    """Each rung is forecast to take longer than the one below, on photographs."""
    from flows.pipeline.census import Census

    def total(values):
        every = overrides.values_with(shipped, values, [])
        counted = Census(2500, 400)
        each = 0.003 * (forecast.size(every, counted) / 224) ** 2
        return sum(forecast.expected(every, counted, each, {}).values())

    took = [total(one) for one in LADDER]
    assert took == sorted(took)
    assert outlook.kept(shipped) == {}
