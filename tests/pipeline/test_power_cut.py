"""Killed anywhere, the pipeline ends with the same bits, and does nothing twice."""

from collections import Counter

import mlflow
import pytest


def trials_of(clone):
    return len((clone.root / "build/search/trials.csv").read_text().splitlines()) - 1


def trial_epochs(clone):
    return Counter((e["trial"], e["epoch"]) for e in clone.events("search", "epoch"))


@pytest.fixture(scope="module")
def cut(make_clone):
    """A clone whose run was killed in `search`, in `train`, and before `register`."""
    clone = make_clone("cut")
    clone.run_until(lambda: (1, 1) in trial_epochs(clone))
    clone.run_until(lambda: len(clone.events("train", "epoch")) == 1)
    lock = clone.root / "dvc.lock"
    clone.run_until(lambda: lock.exists() and "evaluate:" in lock.read_text())
    done = clone.run()
    assert done.code == 0, done.output
    return clone


def test_ends_with_the_bits_of_a_run_that_was_never_killed(cut, reference):
    """Weights, trials, metrics: all that the lock names."""
    assert cut.lock == reference.lock


def test_no_epoch_and_no_trial_is_computed_twice(cut):
    """Counted in the events, which outlive the kills."""
    assert set(trial_epochs(cut).values()) == {1}
    trials = Counter(event["number"] for event in cut.events("search", "trial"))
    assert trials == dict.fromkeys(range(trials_of(cut)), 1)
    epochs = Counter(event["epoch"] for event in cut.events("train", "epoch"))
    assert epochs == {1: 1, 2: 1, 3: 1}


def test_what_was_owed_is_done_once(cut):
    """One run with its trials, one version, one champion."""
    client = mlflow.MlflowClient(f"sqlite:///{cut.root}/mlflow/mlflow.db")
    experiment = client.get_experiment_by_name("thawline")
    runs = client.search_runs([experiment.experiment_id])
    assert len(runs) == 1 + trials_of(cut)
    assert {run.info.status for run in runs} <= {"FINISHED", "KILLED"}
    assert len(client.search_model_versions("name = 'thawline'")) == 1
    assert int(client.get_registered_model("thawline").aliases["champion"]) == 1
