"""The whole line on small real images: one run, what it leaves behind, and what comes after it.

One file, because all of it shares one run. Tests that change it come last; a clone of its own is
cut off power three times.
"""

import json
import shutil
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import cv2
import mlflow
import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file
from safetensors.torch import load_file as load_torch

from components.frame import files

ROOT = Path(__file__).parents[2]


def registered(clone):
    client = mlflow.MlflowClient(f"sqlite:///{clone.root}/mlflow/mlflow.db")
    return client, client.search_model_versions("name = 'thawline'")


def model_folder(clone):
    """Where the registered version's files lie."""
    (found,) = clone.root.glob("mlflow/artifacts/**/MLmodel")
    return found.parent


def ledger(clone):
    lines = (clone.root / "mlflow" / "ledger.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_summary_tells_what_a_person_wants_to_know(reference):
    """Accuracy with interval and majority class, layer, rate, version, figures, cost."""
    metrics = reference.read("build/evaluate/metrics.json")
    best = reference.read("build/search/best.yaml")
    screen = reference.screen.rsplit("notify", 1)[-1]
    for wanted in (
        f"{metrics['accuracy']:.1%}",
        f"{metrics['accuracy_low']:.1%}",
        f"{metrics['majority_fraction']:.1%}",
        best["layer"],
        "version 1",
        "thawline ui",
        "build/report/figures/",
    ):
        assert wanted in screen, wanted


def trials_of(clone):
    return len(pd.read_csv(clone.root / "build/search/trials.csv"))


def test_all_that_a_run_leaves_pending_is_done_once(reference):
    """One parent run with its trials, one version, which as the first of its name is champion."""
    client, versions = registered(reference)
    experiment = client.get_experiment_by_name("thawline")
    runs = client.search_runs([experiment.experiment_id])
    parents = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    assert len(parents) == 1
    assert len(runs) == 1 + trials_of(reference)
    assert [int(version.version) for version in versions] == [1]
    model = client.get_registered_model("thawline")
    assert {alias: int(version) for alias, version in model.aliases.items()} == {"champion": 1}


def test_freeze_depth_that_was_chosen_is_the_freeze_depth_of_train(reference):
    """Groups before it are bit-equal to the pretrained weights, all after it have moved."""
    from components.model.backbone import trained
    from components.model.description import NetworkDescription
    from components.model.groups import groups

    network = NetworkDescription.from_dict(reference.read("build/train/network.json"))
    best = reference.read("build/search/best.yaml")
    before = load_file(reference.root / "build/base/model.safetensors")
    after = load_file(reference.root / "build/train/weights.safetensors")
    state = load_torch(reference.root / "build/train/weights.safetensors")
    model = trained(network, state, len(network.task["classes"]), network.transform["size"])
    parts = groups(model)
    assert parts[best["setting"]["freeze_depth"]].name == best["layer"] == network.layer
    for index, part in enumerate(parts[:-1]):
        for name in part.parameters:
            equal = (before[name] == after[name]).all()
            assert equal == (index < best["setting"]["freeze_depth"]), name


def test_baseline_settings_come_first(reference):
    """Head only in full, full fine-tuning at least as a probe."""
    trials = pd.read_csv(reference.root / "build/search/trials.csv")
    assert list(trials["origin"][:2]) == ["enqueued", "enqueued"]
    assert trials["layer"][0] == "classifier"
    assert trials["freeze_depth"][1] == 0


def test_second_run_does_nothing_and_says_so_at_once(reference):
    """No stage, no version, within seconds; `dvc status` agrees."""
    lock = reference.lock
    begun = time.monotonic()
    done = reference.run()
    assert done.code == 0, done.output
    assert "Nothing to do" in done.output
    assert time.monotonic() - begun < 20
    assert reference.lock == lock
    assert reference.stale() == set()
    assert len(registered(reference)[1]) == 1


def test_build_and_private_folder_deleted_are_restored_and_nothing_is_pending(reference):
    """DVC's cache holds all outputs; actions find their work done where `.thawline/` forgot it."""
    lock = reference.lock
    before = ledger(reference)
    for name in ("build", ".thawline"):
        shutil.rmtree(reference.root / name)
    done = reference.run()
    assert done.code == 0, done.output
    assert "epoch" not in done.output
    assert (reference.root / "build/evaluate/metrics.json").exists()
    assert reference.lock == lock
    client, versions = registered(reference)
    assert len(versions) == 1
    experiment = client.get_experiment_by_name("thawline")
    assert len(client.search_runs([experiment.experiment_id])) == 1 + trials_of(reference)
    assert ledger(reference) == before


def test_learning_rate_bound_reruns_search_and_train_only_if_the_choice_changed(copy):
    """What stands before the search stays, what follows it depends on what it chose."""
    before = (copy.root / "build/search/best.yaml").read_bytes()
    copy.change("search", learning_rate={"low": 1e-4, "high": 1.1e-2}, max_trials=2)
    assert copy.stale() == {"search", "report"}  # the page says what was asked
    assert copy.call("dvc", "repro", "search").code == 0
    changed = (copy.root / "build/search/best.yaml").read_bytes() != before
    assert copy.stale() == ({"train", "report"} if changed else {"report"})


def test_best_settings_alone_make_train_stale(copy):
    """`train` depends on what was chosen, not on how it was found."""
    copy.change("evaluate", confidence_level=0.9)
    assert copy.stale() == {"evaluate", "report"}
    (copy.root / "build/search/trials.csv").write_text("another\n")
    assert copy.stale() == {"evaluate", "search", "report"}


def test_added_image_reruns_from_ingest_and_moves_no_other(copy, digits, tmp_path):
    """Under `thawline sync` and `dvc repro`; the splits of all earlier images stay."""
    grown = tmp_path / "grown"
    shutil.copytree(digits, grown)
    cv2.imwrite(str(grown / "0" / "new.png"), cv2.imread(str(digits / "1" / "00.png"))[::-1])
    before = pd.read_parquet(copy.root / "build/split/splits.parquet").set_index("path")["split"]
    copy.change("ingest", source=str(grown))
    assert copy.call("thawline", "sync").code == 0
    assert "ingest" in copy.stale()
    assert copy.call("dvc", "repro", "split").code == 0
    after = pd.read_parquet(copy.root / "build/split/splits.parquet").set_index("path")["split"]
    assert len(after) == len(before) + 1
    assert (after[before.index] == before).all()
    assert {"augment", "search", "train", "evaluate"} & copy.stale()


def test_registered_model_answers_as_evaluate_did(reference, tmp_path):
    """Elsewhere, without thawline: the probabilities of 20 test images within 1e-5."""
    shutil.copytree(model_folder(reference), tmp_path / "model")
    predictions = pd.read_parquet(reference.root / "build/evaluate/predictions.parquet").head(20)
    images = [str(reference.root / "data/raw" / path) for path in predictions["path"]]
    files.write_json(tmp_path / "requests.json", {"images": images, "bodies": []})
    served = ROOT / "tests" / "flows" / "actions" / "served.py"
    done = subprocess.run(
        [sys.executable, "-I", served, tmp_path / "model", tmp_path / "requests.json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout.splitlines()[-1])
    assert answer["installed"] == []
    names = reference.read("build/train/network.json")["task"]["classes"]
    for index, name in enumerate(names):
        found = np.array(answer["answers"][f"probability_{name}"])
        assert np.abs(found - predictions[f"probability_{index}"]).max() < 1e-5
    assert answer["answers"]["class"] == list(predictions["predicted"])


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
    copy.change("evaluate", confidence_level=0.8)
    assert copy.call("dvc", "repro").code == 0
    params = json.loads(shown(copy, "params", "diff", "--json"))
    assert params["params/evaluate.yaml"]["confidence_level"]["new"] == 0.8
    metrics = json.loads(shown(copy, "metrics", "diff", "--json"))
    told = metrics["build/evaluate/metrics.json"]["confidence_level"]
    assert (told["old"], told["new"]) == (0.95, 0.8)


def test_plots_are_drawn_from_data_and_figures(reference):
    """Every plot of dvc.yaml finds its columns."""
    found = json.loads(shown(reference, "plots", "show", "--json"))
    assert not found.get("errors"), found
    drawn = {name for name, entries in found["data"].items() if entries}
    titles = (
        "Learning curves",
        "Trials of the search by learning rate",
        "Trials of the search by freeze depth",
        "Test images by class",
        "F1 of every class",
        "Calibration",
    )
    for title in titles:
        assert any(name.endswith(title) for name in drawn), title
    for name in (
        "learning.png",
        "landscape.png",
        "confusion_matrix.png",
        "mistakes.png",
        "preview.png",
    ):
        assert any(key.endswith(name) for key in found["data"]), name


@pytest.mark.slow
def test_experiment_is_run_and_shown(copy):
    """`dvc exp run -S` changes a parameter, builds, and `dvc exp show` compares."""
    copy.git("-c", "user.name=t", "-c", "user.email=t@t", "add", "-f", "dvc.lock")
    copy.git("-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "built")
    shown(copy, "exp", "run", "-n", "wide", "-S", "params/evaluate.yaml:confidence_level=0.8")
    table = shown(copy, "exp", "show", "--csv")
    assert "wide" in table
    assert "confidence_level" in table


def test_tracking_server_that_is_away_delays_actions_and_fails_no_stage(reference, monkeypatch):
    """Exit 5 at the end, what is pending said; the next run with the store back does it."""
    reference.change("evaluate", confidence_level=0.9)
    monkeypatch.setattr(reference, "extra", {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9"})
    done = reference.run()
    assert done.code == 5, done.output
    assert reference.read("build/evaluate/metrics.json")["confidence_level"] == 0.9
    monkeypatch.setattr(reference, "extra", {})
    before = len(registered(reference)[1])
    done = reference.run()
    assert done.code == 0, done.output
    assert "epoch" not in done.output
    client, versions = registered(reference)
    assert len(versions) == before
    experiment = client.get_experiment_by_name("thawline")
    assert len(client.search_runs([experiment.experiment_id])) == 2 * (1 + trials_of(reference))


def test_added_image_makes_a_challenger_that_is_judged(reference, digits, tmp_path):
    """The scheduled way: every stage runs again, version 2 is set beside version 1."""
    grown = tmp_path / "grown"
    shutil.copytree(digits, grown)
    cv2.imwrite(str(grown / "0" / "new.png"), cv2.imread(str(digits / "1" / "00.png"))[::-1])
    before = pd.read_parquet(reference.root / "build/split/splits.parquet").set_index("path")
    done = reference.run("--set", f"ingest.source={grown}")
    assert done.code == 0, done.output
    assert str(grown) in done.output
    after = pd.read_parquet(reference.root / "build/split/splits.parquet").set_index("path")
    assert len(after) == len(before) + 1
    assert (after.loc[before.index, "split"] == before["split"]).all()
    client, versions = registered(reference)
    assert {int(version.version) for version in versions} == {1, 2}
    (verdict,) = [e for e in ledger(reference) if e["kind"] == "verdict" and e["champion"]]
    assert 0 < verdict["p_value"] <= 1
    champion = int(client.get_registered_model("thawline").aliases["champion"])
    assert champion == (2 if verdict["promote"] else 1)


def test_wiped_store_is_filled_again_and_nothing_is_promoted_by_itself(reference):
    """Where the ledger's champion is another model, which the registry lost, a person decides."""
    built = [e for e in ledger(reference) if e["kind"] == "registered"][-1]["model"]
    champion = [e for e in ledger(reference) if e["kind"] == "promoted"][-1]["model"]
    (reference.root / "mlflow/mlflow.db").unlink()
    shutil.rmtree(reference.root / "mlflow/artifacts")
    done = reference.run()
    assert done.code == 0, done.output
    assert "epoch" not in done.output
    with sqlite3.connect(reference.root / "mlflow/mlflow.db") as store:  # MLflow caches the old one
        versions = store.execute("SELECT version FROM model_versions").fetchall()
        aliases = store.execute("SELECT alias FROM registered_model_aliases").fetchall()
    store.close()
    assert versions == [(1,)]
    is_champion = ("champion",) in aliases
    assert is_champion == (built == champion)
    assert is_champion or "thawline promote" in done.output


@pytest.mark.parametrize("word", ["--set=search.max_trials=0", "--set=serch.seed=1", "--set=x"])
def test_wrong_setting_changes_nothing(reference, word):
    """Checked before anything is written."""
    before = {path: path.read_bytes() for path in (reference.root / "params").iterdir()}
    done = reference.run(word)
    assert done.code == 2
    assert "Traceback" not in done.output
    assert before == {path: path.read_bytes() for path in (reference.root / "params").iterdir()}


def trial_epochs(clone):
    return Counter((e["trial"], e["epoch"]) for e in clone.events("search", "epoch"))


@pytest.fixture(scope="session")
def cut(make_clone):
    """A clone built by `dvc repro` and by runs in turns, killed in `search`, `train`, `publish`."""
    clone = make_clone("cut")
    repro = ("dvc", "repro", "--no-run-cache")
    assert clone.call("thawline", "sync").code == 0
    clone.run_until(lambda: (1, 1) in trial_epochs(clone), *repro)
    clone.run_until(lambda: len(clone.events("train", "epoch")) == 1)
    (clone.root / ".dvc/tmp/rwlock").unlink(missing_ok=True)  # as DVC asks: runs do so themselves
    done = clone.call(*repro)
    assert done.code == 0, done.output
    clone.run_until((clone.root / "mlflow" / "mlflow.db").exists)
    done = clone.run()
    assert done.code == 0, done.output
    return clone


def test_flow_and_dvc_and_killed_ones_build_the_same_bits(cut, reference):
    """Two clones, two caches, no run-cache: one lock, byte by byte, with all that it names."""
    assert cut.lock == reference.first_lock
    assert cut.stale() == set()


def test_no_epoch_and_no_trial_is_computed_twice(cut):
    """Counted in the events, which outlive the kills."""
    assert set(trial_epochs(cut).values()) == {1}
    trials = Counter(event["number"] for event in cut.events("search", "trial"))
    assert trials == dict.fromkeys(range(trials_of(cut)), 1)
    epochs = Counter(event["epoch"] for event in cut.events("train", "epoch"))
    assert epochs == {1: 1, 2: 1, 3: 1}


def test_what_was_pending_is_done_once(cut):
    """One run with its trials, one version, one champion."""
    client = mlflow.MlflowClient(f"sqlite:///{cut.root}/mlflow/mlflow.db")
    experiment = client.get_experiment_by_name("thawline")
    runs = client.search_runs([experiment.experiment_id])
    assert len(runs) == 1 + trials_of(cut)
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert len(client.search_model_versions("name = 'thawline'")) == 1
    assert int(client.get_registered_model("thawline").aliases["champion"]) == 1
