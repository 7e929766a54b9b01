"""DVC's own commands show something worth seeing."""

import json

import pytest


def shown(clone, *words):
    done = clone.call("dvc", *words)
    assert done.code == 0, done.output
    return done.output


def test_dag_has_every_stage(reference):
    """The graph as DVC draws it."""
    text = shown(reference, "dag")
    for stage in ("ingest", "validate", "split", "base", "augment", "search", "train", "evaluate"):
        assert stage in text


def test_metrics_show_the_figures(reference):
    """Accuracy with its interval, what the search found, how training ended."""
    found = json.loads(shown(reference, "metrics", "show", "--json"))[""]["data"]
    assert found["build/evaluate/metrics.json"]["data"]["accuracy"] > 0
    assert "validation_accuracy" in found["build/search/summary.json"]["data"]
    assert "kept_epoch" in found["build/train/training.json"]["data"]


def test_differences_are_told(copy):
    """A changed parameter and the figures it changed, against the last commit."""
    copy.git("-c", "user.name=t", "-c", "user.email=t@t", "add", "-f", "dvc.lock")
    copy.git("-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "built")
    copy.change("evaluate", confidence=0.8)
    assert copy.call("dvc", "repro").code == 0
    params = json.loads(shown(copy, "params", "diff", "--json"))
    assert params["params/evaluate.yaml"]["confidence"]["new"] == 0.8
    metrics = json.loads(shown(copy, "metrics", "diff", "--json"))
    assert "accuracy_low" in metrics["build/evaluate/metrics.json"]


def test_plots_are_drawn_from_data_and_pictures(reference):
    """Every plot of dvc.yaml finds its columns."""
    found = json.loads(shown(reference, "plots", "show", "--json"))
    assert not found.get("errors"), found
    drawn = {name for name, entries in found["data"].items() if entries}
    titles = (
        "Learning curves", "Trials of the search by learning rate",
        "Trials of the search by depth", "Test pictures by class", "F1 of every class",
        "Calibration",
    )  # fmt: skip
    for title in titles:
        assert any(name.endswith(title) for name in drawn), title
    for name in ("learning.png", "landscape.png", "matrix.png", "mistakes.png", "preview.png"):
        assert any(key.endswith(name) for key in found["data"]), name


@pytest.mark.slow
def test_experiment_is_run_and_shown(copy):
    """`dvc exp run -S` changes a parameter, builds, and `dvc exp show` compares."""
    copy.git("-c", "user.name=t", "-c", "user.email=t@t", "add", "-f", "dvc.lock")
    copy.git("-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "built")
    shown(copy, "exp", "run", "-n", "wide", "-S", "params/evaluate.yaml:confidence=0.8")
    table = shown(copy, "exp", "show", "--csv")
    assert "wide" in table
    assert "confidence" in table
