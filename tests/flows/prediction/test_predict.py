"""A registered model names images: what is written, what is told, and what ends in an error."""

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from components.frame import files
from components.frame.errors import DataError, UnreachableError, UsageError
from components.frame.params import load_params
from components.frame.spec import spec
from flows.actions import action
from flows.prediction import inputs, predict
from flows.prediction.predict import PredictOptions
from flows.registry import versions
from flows.serving import fetched, worker

ROOT = Path(__file__).parents[3]
COMMAND = [sys.executable, "-c", "from flows.cli import main; main()", "predict"]


@pytest.fixture(scope="module")
def champion(seen):
    """A project whose registered model is the champion."""
    action.perform(seen, "judge")
    action.perform(seen, "promote")
    return seen


@pytest.fixture(scope="module")
def evaluated(champion, tmp_path_factory):
    """What the stage `evaluate` says of the test images, by path."""
    from components.evaluate import EvaluateParams, evaluate

    place = tmp_path_factory.mktemp("evaluate")
    params = load_params(EvaluateParams, ROOT / "params" / "evaluate.yaml")
    outs = [place / Path(out).name for out in spec("evaluate", ROOT).outs]
    evaluate(
        params.model_copy(update={"device": "cpu"}),
        splits=champion.build / "split/splits.parquet",
        raw=champion.data / "raw",
        weights=champion.build / "train/weights.safetensors",
        network=champion.build / "train/network.json",
        **{path.stem: path for path in outs},
    )
    return pd.read_parquet(place / "predictions.parquet").set_index("path")


def options(start, *named, model=None, form="jsonl", output=None):
    return PredictOptions(
        named=tuple(map(str, named)),
        start=start,
        model=model,
        form=form,
        output=output and Path(output),
    )


def call(*words, folder):
    """The command in a process of its own."""
    surroundings = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [*COMMAND, *words],
        cwd=folder,
        env=surroundings,
        text=True,
        capture_output=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def test_the_probabilities_are_those_of_evaluate(champion, evaluated, tmp_path):
    """All test images within 1e-6, a line each, in natural order, atomically into a file."""
    output = tmp_path / "answers.jsonl"
    assert predict.predict(champion, options(champion.root, "data/raw", output=output)) == 0
    rows = [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]
    assert len(rows) == 72
    found = {row["path"].removeprefix("data/raw/"): row for row in rows}
    classes = files.read_json(champion.build / "train/network.json")["task"]["classes"]
    for path, expected in evaluated.iterrows():
        row = found[path]
        assert list(row["probabilities"]) == classes
        probabilities = np.array(list(row["probabilities"].values()))
        wanted = expected[[f"probability_{i}" for i in range(len(classes))]].to_numpy(float)
        assert np.abs(probabilities - wanted).max() < 1e-6
        assert row["class"] == classes[wanted.argmax()]
        assert row["probability"] == probabilities.max()


def test_the_command_writes_lines_and_tells_what_it_cannot_read(champion, tmp_path):
    """Lines on standard output alone; broken, empty and huge ones on the other, exit code 0."""
    folder = tmp_path / "Bilder"
    folder.mkdir()
    good = (champion.data / "raw/red/test-00.png").read_bytes()
    for name in ("img10.png", "img2.png", "ü.png", ".hidden.png", "note.txt", "without"):
        (folder / name).write_bytes(good)
    (folder / "@eaDir").mkdir()
    (folder / "@eaDir" / "img2.png").write_bytes(good)
    (folder / "photo.heic").write_bytes(b"x")
    (folder / "cut.png").write_bytes(good[: len(good) // 2])
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "link.png").symlink_to(folder / "img2.png")
    with (folder / "huge.png").open("wb") as file:
        file.truncate(inputs.LARGEST_FILE + 1)
    elsewhere = champion.root / "data"
    done = call(f"{folder}", "raw/red/test-00.png", "--format", "csv", folder=elsewhere)
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    names = [row["path"] for row in rows]
    assert names == [
        *(str(folder / name) for name in ("img2.png", "img10.png", "without", "ü.png")),
        "raw/red/test-00.png",
    ]
    assert len({row["probability_red"] for row in rows}) == 1
    told = done.stderr.splitlines()
    assert all(line.startswith("unreadable: ") for line in told), done.stderr
    for name, why in (
        ("cut.png", "damaged"),
        ("empty.jpg", "empty"),
        ("link.png", "not followed"),
        ("huge.png", "100,000,001 bytes"),
        ("1 .heic", "1 .txt, 1 hidden, passed over"),
    ):
        (line,) = [line for line in told if name in line]
        assert why in line
        assert "Image 0" not in line


def test_nothing_readable_is_an_error_and_leaves_the_old_file(champion, tmp_path):
    """Exit code 3, and no empty file in the place of what was there."""
    (tmp_path / "text.png").write_text("no image")
    output = tmp_path / "answers.csv"
    output.write_text("before")
    with pytest.raises(DataError, match="none of 1 is"):
        predict.predict(champion, options(tmp_path, "text.png", form="csv", output=output))
    assert output.read_text() == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["answers.csv", "text.png"]


def test_what_does_not_exist_is_told_before_the_model_is_fetched(champion, tmp_path):
    """Files, and folders without an image."""
    with pytest.raises(UsageError, match=r"there is no nowhere\.png"):
        predict.predict(champion, options(tmp_path, "nowhere.png"))
    (tmp_path / "photo.heic").touch()
    with pytest.raises(DataError, match=r"holds none \(1 \.heic\)"):
        predict.predict(champion, options(tmp_path, "."))


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("thawline", "NAME@ALIAS or NAME/VERSION"),
        ("thawline@winner", r"must name an alias.*There are: champion"),
        ("thawline/7", r"must name a version.*There are: 1"),
        ("other@champion", r"must name a registered model.*There are: thawline"),
    ],
)
def test_a_model_that_there_is_not_is_told_with_those_there_are(champion, name, sentence):
    """Form, model, alias and version."""
    with pytest.raises(UsageError, match=sentence):
        predict.predict(champion, options(champion.root, "data/raw", model=name))


def test_a_version_is_named_as_well_as_an_alias(champion):
    """The same model, the same folder, for as long as it is needed."""
    for name in ("thawline/1", "models:/thawline@champion", None):
        with fetched.named(champion, predict.wanted(champion, name)) as (version, folder):
            assert int(version.version) == 1
            assert (folder / "artifacts/weights.safetensors").is_file()
        assert not folder.exists()


def test_a_model_changed_in_the_store_is_not_run(champion, tmp_path):
    """Its code would run with our rights."""
    copy = type(champion)(tmp_path / "copy")
    shutil.copytree(champion.root, copy.root)
    (code,) = copy.mlflow.glob("artifacts/models/*/artifacts/served_model.py")
    code.write_text("raise SystemExit('run')\n" + code.read_text())
    with pytest.raises(DataError, match="must be what was registered"):
        predict.predict(copy, options(copy.root, "data/raw"))


def test_a_store_that_is_away_or_was_never_made(champion, monkeypatch, tmp_path):
    """Exit code 5 where it does not answer; where there is none, none is made."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    with pytest.raises(UnreachableError):
        predict.predict(champion, options(champion.root, "data/raw"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/none.db")
    with pytest.raises(UsageError, match="MLFLOW_TRACKING_URI="):
        predict.predict(champion, options(champion.root, "data/raw"))
    assert list(tmp_path.iterdir()) == []


def test_an_image_is_never_the_output(champion, tmp_path):
    """A slip on the command line costs no image."""
    (tmp_path / "one.png").write_bytes(b"precious")
    with pytest.raises(UsageError, match="one of them"):
        predict.predict(champion, options(tmp_path, ".", output="one.png"))
    assert (tmp_path / "one.png").read_bytes() == b"precious"


def test_ended_from_outside_nothing_is_left(champion):
    """SIGTERM ends with 143, the model's process ends too, and no fetched model stays."""
    code = (
        "import os, sys; from flows.serving import worker; ask = worker.Worker.ask\n"
        "def slow(self, images):\n"
        "    print('asked', self._process.pid, flush=True); import time; time.sleep(60)\n"
        "worker.Worker.ask = slow; from flows.cli import main; main()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, "predict", "data/raw"],
        cwd=champion.root,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
    )
    word, number = process.stdout.readline().split()
    assert word == "asked"
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 143
    process.stdout.close()
    end = time.monotonic() + 10
    while Path(f"/proc/{number}").exists() and time.monotonic() < end:
        time.sleep(0.05)
    with pytest.raises(ProcessLookupError):
        os.kill(int(number), 0)
    assert not list(champion.private.glob("tmp*"))


def test_a_reader_who_has_enough_is_no_error(champion):
    """As with `| head`: no traceback, the exit code that a shell knows."""
    process = subprocess.Popen(
        [*COMMAND, "data/raw"],
        cwd=champion.root,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(60) == 141


def test_a_model_that_cannot_be_loaded_is_told_with_its_last_words(tmp_path):
    """Not an endless wait, not a traceback of ours."""
    (tmp_path / "model").mkdir()
    with (
        pytest.raises(Exception, match=r"could not be run \(exit code 1\)"),
        worker.running(tmp_path / "model"),
    ):
        pass


def test_names_are_taken_apart():
    """An `@` may be part of a name, as MLflow allows."""
    assert versions.parse("a@b@champion") == versions.Name("a@b", alias="champion")
    assert versions.parse("thawline/12") == versions.Name("thawline", version=12)
    assert str(versions.parse("thawline/12")) == "thawline/12"


def test_portions_are_bounded_by_number_and_by_bytes(tmp_path):
    """A few large files are not held at once."""
    found = []
    for number in range(70):
        path = tmp_path / f"{number}.png"
        with path.open("wb") as file:
            file.truncate(inputs.PORTION_BYTES // 2 if number < 4 else 1)
        found.append(inputs.ImageFile(path.name, path))
    portions = list(inputs.portions(found))
    assert [len(portion) for portion in portions] == [2, 2, 32, 32, 2]
    assert [image for portion in portions for image in portion] == found


def test_in_a_folder_the_images_are_those_that_ingest_finds(tmp_path):
    """By the same list and the same content; a ring of links or a deep place ends nothing."""
    (tmp_path / "a" / "$RECYCLE.BIN").mkdir(parents=True)
    for name in ("a/1.jfif", "a/$RECYCLE.BIN/2.png", "a/note", "a/.3.png"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "a" / "ring").symlink_to(tmp_path)
    (tmp_path / "a" / os.fsdecode(b"\xff.png")).write_bytes(b"x")
    assert [one.shown for one in inputs.find(["a"], tmp_path)] == ["a/1.jfif", "a/\udcff.png"]
    assert inputs.passed_over(["a", "a/1.jfif"], tmp_path) == "2 without an ending, 1 hidden"


def test_names_that_no_disk_could_have_are_said_to_be_lost(tmp_path):
    """Not a traceback of ours."""
    (tmp_path / "self").symlink_to("self")
    for name in ("x" * 5000, "self", "~nobody-of-this-name/x"):
        with pytest.raises(UsageError, match="there is no"):
            inputs.find([name], tmp_path)


def test_images_named_twice_are_named_once(tmp_path):
    """A folder and a file in it."""
    for name in ("b/2.png", "b/10.png", "a.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    found = inputs.find(["b/10.png", "b", "."], tmp_path)
    assert [one.shown for one in found] == ["b/10.png", "b/2.png", "./a.png"]
