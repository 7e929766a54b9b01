"""A task is one file and a line: nothing that searches, trains, scores or judges knows which."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from places import Place

from components.data.images.pixels import Pixels
from components.frame import files
from components.tasks import registry

FILE = Path(__file__).with_name("regression.py")
SETTINGS = {
    "base": {"source": "none", "architecture": "test_resnet"},
    "augment": {"task": "regression", "image_size": 32},
    "search": {
        "max_trials": 3,
        "epochs": 2,
        "batch_size": 8,
        "folds": 2,
        "label_smoothing": 0.0,
        "enqueue": [{"freeze_depth": 0, "learning_rate": 1e-2}],
    },
    "train": {"epochs": 8},
}


@pytest.fixture(scope="module")
def _registered():
    """The line in the registry, for as long as these tests run."""
    described = spec_from_file_location("regression", FILE)
    module = module_from_spec(described)
    described.loader.exec_module(module)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(registry.TASKS, module.Regression.name, module.Regression)
        patch.setattr("signal.signal", lambda *_: None)
        yield


@pytest.fixture(scope="module")
def place(tmp_path_factory, _registered):
    """60 images whose brightness is a number from 0 to 5, and a project that learns it."""
    folder = tmp_path_factory.mktemp("regression")
    for number in range(60):
        level = number % 6
        rng = np.random.default_rng(number)
        image = np.clip(40 * level + rng.integers(0, 40, (32, 32, 3)), 0, 255).astype(np.uint8)
        path = folder / "images" / str(level) / f"{number:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(cv2.imencode(".png", image)[1].tobytes())
    place = Place(folder / "project")
    for stage, values in SETTINGS.items():
        place.change(stage, **values)
    place.source(folder / "images")
    pin = {"source": "none", "architecture": "test_resnet", "seed": 0}
    files.write_yaml(place.root / "data" / "start.yaml", pin)
    return place


def run(place, *stages):
    """Run stages one after the other; what the last one printed."""
    done = place.upto(*stages)
    assert done.code == 0, done.errors
    return done.output


@pytest.fixture(scope="module")
def evaluated(place):
    """Searched and trained while no test image was there to be read."""
    run(place, "ingest", "validate", "split", "base", "augment")
    splits = pd.read_parquet(place.root / "build/split/splits.parquet")
    names = splits.loc[splits["split"] == "test", "path"]
    hidden = {place.root / "data/raw" / name: place.root / "hidden" / name for name in names}
    for path, apart in hidden.items():
        apart.parent.mkdir(parents=True, exist_ok=True)
        path.rename(apart)
    run(place, "search", "train")
    for path, apart in hidden.items():
        apart.rename(path)
    return place, run(place, "evaluate"), len(hidden)


def test_search_and_train_never_read_a_test_image(evaluated):
    """They came to their ends without one; what they kept of images is of the others."""
    place, _, hidden = evaluated
    (kept,) = (place.root / ".thawline/cache/pixels").iterdir()
    assert hidden > 0
    assert len(Pixels(kept)) == 60 - hidden
    assert len(pd.read_parquet(place.root / "build/evaluate/predictions.parquet")) == hidden


def test_another_task_is_searched_trained_and_evaluated(evaluated):
    """Its score is below nothing, and the search took the highest."""
    place, said, _ = evaluated
    trials = pd.read_csv(place.root / "build/search/trials.csv")
    assert (trials["validation_score"].dropna() < 0).all()
    chosen = trials[trials["chosen"] & (trials["stage"] == "confirmation")]
    reached = chosen["validation_score"].mean()
    others = trials[(trials["stage"] == "confirmation") & ~trials["chosen"]]
    errors = chosen["validation_score_error"].mean() * 2**0.5
    assert (others["validation_score"] <= reached + errors).all()
    metrics = files.read_json(place.root / "build/evaluate/metrics.json")
    assert metrics["negative_error_low"] <= metrics["negative_error"]
    assert metrics["negative_error"] <= metrics["negative_error_high"]
    assert metrics["negative_error"] > -1.5, "the mean alone reaches that"
    assert said.startswith(f"test negative_error {metrics['negative_error']:.2f} (95% interval ")


def test_the_error_of_its_score_comes_from_the_scores(evaluated):
    """Not from a formula for right and wrong: no binomial error is above a half."""
    place, _, _ = evaluated
    history = pd.read_csv(place.root / "build/train/history.csv")
    predictions = pd.read_parquet(place.root / "build/evaluate/predictions.parquet")
    assert set(predictions) == {"path", "sha256", "true", "predicted", "score"}
    errors = (predictions["true"] - predictions["predicted"]).abs()
    assert np.allclose(predictions["score"], -errors)
    assert (history["validation_score_error"] > 0).all()


def test_another_task_is_drawn_without_figures_of_its_own(evaluated):
    """Those of the search and of training are for every task."""
    place, _, _ = evaluated
    run(place, "report")
    drawn = {path.name for path in (place.root / "build/report/figures").iterdir()}
    assert drawn == {"landscape.png", "front.png", "epochs.png", "learning.png"}


def test_another_task_has_a_page_without_sections_of_its_own(evaluated):
    """Its score stands there under its own name, and what is learned is no class."""
    place, _, _ = evaluated
    run(place, "report")
    page = (place.root / "build/report/index.html").read_text(encoding="utf-8")
    assert 'id="training"' in page
    assert "negative error" in page
    assert "What is learned lies between 0 and 5, half of it below 2.5." in page
    for section in ("classes", "confusions", "mistakes"):
        assert f'id="{section}"' not in page
    wrong = pd.read_csv(place.root / "build/evaluate/mistakes.csv")
    assert list(wrong) == ["path", "true", "predicted"]


def test_smoothing_that_a_task_cannot_do_is_refused(place):
    """Asked for and not in force is an error."""
    before = files.read_yaml(place.root / "params" / "search.yaml")
    place.change("search", label_smoothing=0.1)
    done = place.run("search")
    place.change("search", **before)
    assert done.code == 2
    assert "label_smoothing must be 0.0 here, but is 0.1" in done.errors
