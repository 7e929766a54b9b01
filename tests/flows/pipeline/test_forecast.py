"""What a run may take follows from what it has to compute, and from what runs before took."""

import json
import shutil

import pytest
from places import ROOT

from flows.pipeline import forecast, outlook, overrides
from flows.pipeline.census import Census
from flows.project import Project

PHOTOGRAPHS = Census(2500, 400)


@pytest.fixture
def shipped(tmp_path):
    root = tmp_path.resolve() / "project"
    shutil.copytree(ROOT / "params", root / "params")
    shutil.copy(ROOT / "dvc.yaml", root)
    return Project(root)


@pytest.fixture
def values(shipped):
    return lambda *texts: overrides.values_with(shipped, {}, texts)


def test_training_counts_every_pass(values):
    """Three for a training image, one for a validation image."""
    todo = forecast.work(values("train.epochs=10"), 1000)
    assert todo.train == 10 * (3 * 600 + 200)
    assert todo.prepared == 10 * 600


def test_a_search_counts_what_its_strategy_may_spend(values):
    """In trials of 4 epochs that train everything: 1.128, and two probes of a third."""
    epoch = 3 * 600 + 200
    todo = forecast.work(values(), 1000)
    assert todo.search == pytest.approx((1 + 0.008 * 16 + 2 / 3) * 4 * epoch)
    tpe = forecast.work(values("search.strategy=tpe", "search.epochs=3"), 1000)
    assert tpe.search == pytest.approx(0.6 * (16 + 2) * 3 * epoch)


@pytest.mark.parametrize(
    ("texts", "side"),
    [
        ([], 224),
        (["augment.image_size_limit=96"], 96),
        (["augment.image_size=64"], 64),
    ],
)
def test_the_size_is_that_which_augment_will_take(values, texts, side):
    """Of images of 400 pixels."""
    assert forecast.size(values(*texts), PHOTOGRAPHS) == side


def test_a_weights_file_counts_as_the_packaged_network(values):
    """What it is for, only the weights tell."""
    assert forecast.network(values()) == "tf_efficientnet_lite0"
    assert forecast.network({"base.architecture": "resnet18.a1_in1k"}) == "resnet18"


def test_a_small_run_is_not_measured_for(shipped, values):
    """No process is started to forecast a minute."""
    quick = values("augment.image_size=16", "train.epochs=5")
    assert 0 < forecast.pass_seconds(shipped, quick, Census(100, 8)) < 1e-3
    assert not (shipped.private / "speed.json").exists()


def test_what_was_measured_holds_for_a_small_run_too(shipped, values):
    """As for one that a budget brings down to that."""
    shipped.private.mkdir()
    (shipped.private / "speed.json").write_text(
        '{"pass_seconds": {"tf_efficientnet_lite0 16": 0.5}}'
    )
    quick = values("augment.image_size=16", "train.epochs=5")
    assert forecast.pass_seconds(shipped, quick, Census(100, 8)) == 0.5
    larger = values("augment.image_size=32", "train.epochs=5")
    assert forecast.pass_seconds(shipped, larger, Census(100, 8)) == pytest.approx(2.0)
    forecast.correct(shipped, "train", 1.0, 2.0)
    forecast.forget_speed(shipped)
    assert forecast.pass_seconds(shipped, quick, Census(100, 8)) < 1e-3
    assert forecast.corrections(shipped) == {"train": 2.0}


def test_a_slow_machine_is_slow_at_everything(values):
    """One that trains at a quarter of the usual speed, as beside other work, starts no sooner."""
    usual = forecast.macs(values(), PHOTOGRAPHS) / forecast.ASSUMED
    at_speed = {
        speed: forecast.expected(values(), PHOTOGRAPHS, usual / speed, {}) for speed in (0.25, 1, 9)
    }
    for task in ("ingest", "register", "train"):
        assert at_speed[0.25][task] == pytest.approx(4 * at_speed[1][task])
    assert at_speed[9]["register"] == at_speed[1]["register"], "a card speeds up training alone"
    assert at_speed[9]["train"] < at_speed[1]["train"] / 5


def test_what_a_task_took_corrects_the_next_forecast(shipped):
    """Again and again, within bounds."""
    forecast.correct(shipped, "train", 100.0, 150.0)
    assert forecast.corrections(shipped) == {"train": 1.5}
    forecast.correct(shipped, "train", 150.0, 75.0)
    assert forecast.corrections(shipped) == {"train": 0.75}
    forecast.correct(shipped, "train", 1.0, 1e6)
    assert forecast.corrections(shipped) == {"train": 10.0}


@pytest.mark.parametrize("content", ["", "[]", "{"])
def test_a_torn_memory_is_none(shipped, content):
    """The next run finds out anew."""
    shipped.private.mkdir()
    (shipped.private / "speed.json").write_text(content)
    assert forecast.corrections(shipped) == {}


def test_an_outlook_is_renewed_as_tasks_end(shipped):
    """What the search chose makes the training cheaper; the speed is corrected."""
    one = outlook.Outlook(project=shipped, left={"search": 100.0, "train": 80.0, "publish": 5.0})
    assert one.sentence() == (
        "about 3 min 5 s left, by forecast: search 1 min 40 s, train 1 min 20 s, the rest 5.0 s"
    )
    folder = shipped.build / "search"
    folder.mkdir(parents=True)
    (folder / "summary.json").write_text('{"freeze_depth": 5}')
    (folder / "freeze_depths.csv").write_text("freeze_depth,trial_cost\n0,100\n5,25\n")
    one.done("search", 150.0, whole=True)
    assert one.left == {"train": 20.0, "publish": 5.0}
    assert forecast.corrections(shipped) == {"search": 1.5}
    assert outlook.kept(shipped) == one.left


def test_a_task_that_went_on_says_nothing_of_its_length(shipped):
    """It did only a part of the work."""
    one = outlook.Outlook(project=shipped, left={"train": 80.0}, resumed={"train"})
    one.done("train", 8.0, whole=True)
    assert forecast.corrections(shipped) == {}


def test_what_was_done_before_a_kill_is_not_to_come(shipped, monkeypatch):
    """The seconds of the epochs that are kept."""
    monkeypatch.setattr(forecast, "pass_seconds", lambda *_: 0.001)
    whole = outlook.of(shipped, ["train", "publish"]).left["train"]
    folder = shipped.private / "work" / "train"
    (folder / "one").mkdir(parents=True)
    (folder / "current").write_text("one\n")
    told = {"kind": "epoch", "trial": None, "seconds": 5.0}
    (folder / "one" / "events.jsonl").write_text(2 * (json.dumps(told) + "\n"))
    made = outlook.of(shipped, ["train", "publish"])
    assert made.left["train"] == pytest.approx(whole - 10)
    assert made.resumed == {"train"}


def test_the_end_says_how_far_the_forecast_was_off(shipped):
    """What it took, and what it was to take."""
    one = outlook.Outlook(project=shipped, left={"train": 80.0}, first=80.0)
    one.done("train", 100.0, whole=True)
    assert one.verdict() == "took 1 min 40 s; 1 min 20 s were forecast"
