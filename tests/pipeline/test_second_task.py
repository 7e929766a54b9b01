"""A second task from the images to the gate: one file and a line."""

import shutil

import cv2
import numpy as np
import pytest
from places import ROOT

from components.frame import files
from components.frame.events import read

FILE = ROOT / "tests" / "components" / "tasks" / "regression.py"
SETTINGS = {
    "ingest": {"max_unpacked_gib": 1.0},
    "base": {"source": "none", "architecture": "test_resnet"},
    "augment": {"task": "regression", "image_size": 32},
    "search": {
        "max_trials": 2,
        "epochs": 2,
        "batch_size": 8,
        "folds": 1,
        "label_smoothing": 0.0,
    },
    "train": {"epochs": 2},
}


@pytest.fixture(scope="module")
def numbers(tmp_path_factory):
    """60 images whose brightness is a number from 0 to 5."""
    folder = tmp_path_factory.mktemp("numbers")
    for number in range(60):
        level = number % 6
        noise = np.random.default_rng(number).integers(0, 40, (32, 32, 3))
        path = folder / str(level) / f"{number:02}.png"
        path.parent.mkdir(exist_ok=True)
        cv2.imwrite(str(path), np.clip(40 * level + noise, 0, 255).astype(np.uint8))
    return folder


@pytest.mark.slow
def test_models_of_another_task_are_judged_by_its_score(make_clone, numbers):
    """The longer training is better at every image, which a sign-flip test of the scores shows."""
    clone = make_clone("regression")
    tasks = clone.root / "components" / "tasks"
    shutil.copy(FILE, tasks)
    with (tasks / "registry.py").open("a") as registry:
        registry.write("\nfrom components.tasks.regression import Regression\n")
        registry.write("\nTASKS[Regression.name] = Regression\n")
    for name, values in (SETTINGS | {"ingest": {"source": str(numbers)}}).items():
        clone.change(name, **values)
    first = clone.call("python", "-m", "flows.cli", "run")
    assert first.code == 0, first.output
    clone.change("train", epochs=30, patience=30)
    second = clone.call("python", "-m", "flows.cli", "run")
    assert second.code == 0, second.output
    ledger = read(clone.root / "mlflow/ledger.jsonl")
    verdicts = [entry for entry in ledger if entry["kind"] == "verdict"]
    assert verdicts[0]["reason"] == "It is the first model of its name."
    judged = verdicts[1]
    assert judged["challenger_score"] > judged["champion_score"]
    assert judged["challenger_score"] < 0
    assert judged["promote"] is (judged["p_value"] < 0.05)
    metrics = files.read_json(clone.root / "build/evaluate/metrics.json")
    assert f"negative_error {metrics['negative_error']:.2f}" in second.output
