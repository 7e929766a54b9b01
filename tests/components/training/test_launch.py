"""Several processes train what one does: the same steps, and one that dies ends the others."""

import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import psutil
import pytest
from places import Place
from safetensors.torch import load_file
from samples import draw, encode

from components.frame import files
from components.model.weights.pin import start_pin
from components.training.recipe import Best, Setting

pytestmark = pytest.mark.slow  # each starts an interpreter or three
SETTING = Setting(
    freeze_depth=0, learning_rate=1e-3, class_weights='{"dark": 2.0}', clip_norm=1.0, ema=0.9
)
BATCH, EPOCHS = 10, 3


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """What `train` reads: two classes of noise; a transformer, which has no batch statistics."""
    folder = tmp_path_factory.mktemp("several")
    for name, darker in (("bright", 1), ("dark", 2)):
        (folder / "images" / name).mkdir(parents=True)
        for number in range(30):
            content = encode(draw(number + 100 * darker, height=40, width=40) // darker)
            (folder / "images" / name / f"{number:02}.png").write_bytes(content)
    place = Place(folder / "project")
    place.source(folder / "images")
    place.change("base", source="none", architecture="test_vit3")
    place.change("augment", image_size=32, horizontal_flip=False)
    place.change("train", epochs=EPOCHS, device="cpu", precision="off")
    asked = files.read_yaml(place.root / "params/base.yaml")
    files.write_yaml(place.root / "data/start.yaml", start_pin(known={}, **asked))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("signal.signal", lambda *_: None)
        done = place.upto("ingest", "validate", "split", "base", "augment")
    assert done.code == 0, done
    best = Best(layer="patch_embed", batch_size=BATCH, setting=SETTING)
    (place.root / "build/search").mkdir()
    best.write(place.root / "build/search/best.yaml")
    return place.root


@pytest.fixture
def project(prepared, tmp_path):
    """A project of its own."""
    return shutil.copytree(prepared, tmp_path / "project")


def change(root, stage, **values):
    path = root / "params" / f"{stage}.yaml"
    files.write_yaml(path, {**files.read_yaml(path), **values})


def started(root):
    """`train` as `dvc repro` starts it."""
    return subprocess.Popen(
        [sys.executable, "-m", "components.train"],
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
    )


def trained(root):
    """What it wrote, having ended well, and what it said."""
    process = started(root)
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 0, said
    folder = root / "build/train"
    history = pd.read_csv(folder / "history.csv")
    weights = load_file(folder / "weights.safetensors")
    return weights, history, files.read_json(folder / "training.json"), said


def test_two_processes_train_what_one_does(project):
    """Weights and losses to 1e-5, the order of sums apart; each epoch is told once."""
    alone, history, summary, _ = trained(project)
    change(project, "train", processes=2)
    both, other, said_of_both, said = trained(project)
    assert (summary["processes"], said_of_both["processes"]) == (1, 2)
    for column in history.columns:
        np.testing.assert_allclose(history[column], other[column], atol=1e-5, err_msg=column)
    for name, value in alone.items():
        np.testing.assert_allclose(value, both[name], atol=1e-5, err_msg=name)
    assert [said.count(f"epoch {number}/{EPOCHS}") for number in range(1, EPOCHS + 1)] == [1] * 3


def ranks(root):
    """The processes that train in a project."""
    found = []
    for process in psutil.process_iter(["cmdline", "cwd"]):
        mine = process.info["cwd"] == str(root)
        if mine and "components.training.rank" in (process.info["cmdline"] or [])[:4]:
            found.append(process.pid)
    return found


def wait_for(what, seconds=600):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_one_that_is_killed_ends_all_and_the_next_run_goes_on(project):
    """One sentence, exit code 5, no process left; and the end is as if nothing had been."""
    change(project, "train", processes=2, epochs=30)
    process = started(project)
    kept = project / ".thawline/work/train"
    wait_for(lambda: list(kept.glob("*/epoch.safetensors")))
    os.kill(ranks(project)[-1], signal.SIGKILL)
    said, _ = process.communicate(timeout=600)
    assert process.returncode == 5
    assert "but one has died" in said.splitlines()[-1]
    assert "Traceback" not in said
    wait_for(lambda: not ranks(project))
    weights, history, _, said = trained(project)
    assert "goes on after epoch" in said
    shutil.rmtree(project / ".thawline/work")
    whole, expected, _, _ = trained(project)
    pd.testing.assert_frame_equal(history, expected)
    assert all((weights[name] == value).all() for name, value in whole.items())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_no_process_outlives_the_stage(project, number):
    change(project, "train", processes=2, epochs=1000)
    process = started(project)
    wait_for(lambda: list((project / ".thawline/work/train").glob("*/epoch.safetensors")))
    process.send_signal(number)
    process.communicate(timeout=600)
    wait_for(lambda: not ranks(project))
    assert process.returncode == (143 if number == signal.SIGTERM else -signal.SIGKILL)


def test_a_sentence_of_a_process_is_the_stages_own(project):
    """As if it had been alone: here the rate makes the loss no number."""
    change(project, "train", processes=2)
    best = Best.read(project / "build/search/best.yaml")
    wild = Setting(freeze_depth=0, learning_rate=1e38, optimizer="sgd")
    Best(layer=best.layer, batch_size=BATCH, setting=wild).write(project / "build/search/best.yaml")
    process = started(project)
    said, _ = process.communicate(timeout=600)
    assert process.returncode == 3, said
    assert "loss must be a number" in said.splitlines()[-1]


def test_a_slice_of_one_image_is_refused(project):
    change(project, "train", processes=6)
    process = started(project)
    said, _ = process.communicate(timeout=600)
    assert process.returncode == 2
    assert "processes must leave 2 images" in said.splitlines()[-1]
