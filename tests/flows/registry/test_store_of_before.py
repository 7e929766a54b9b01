"""A store that Thawline 0.1 filled: its version loads, predicts and is judged.

`store-0.1.tar.xz` holds the `mlflow/` of a project that commit 8b50274 made (one version, the
champion, of a tiny transformer) and the predictions that its `evaluate` wrote.
"""

import json
import tarfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from registry import client, vouch
from safetensors.torch import save_file
from samples import encode
from stage_outputs import PIPELINE, write_lock, write_results, write_search

from components.frame import files
from components.model import backbone
from components.model.description import NetworkDescription, Origin
from components.tasks.classification import Classification
from components.tasks.registry import described
from flows.actions.judge import JudgeParams, judge
from flows.actions.publish import PublishParams, publish
from flows.actions.register import RegisterParams, register
from flows.prediction import predict
from flows.prediction.predict import PredictOptions
from flows.project import Project
from flows.records import identity, ledger
from flows.registry import versions
from flows.serving import fetched

ARCHIVE = Path(__file__).with_name("store-0.1.tar.xz")
CLASSES = ("cat", "dog")
IMAGES = 40
"""A class."""
NAME = "small"
MOVED = 3
"""Images that the champion was trained on and that are test images now."""
TASK = Classification(CLASSES)


def image(label: int, number: int) -> np.ndarray:
    """As the project of before had it."""
    random = np.random.default_rng(1000 * label + number)
    return random.integers(0, 256, (24, 24, 3), dtype=np.uint8) // (1 + 2 * label)


@pytest.fixture(scope="module")
def before(tmp_path_factory):
    """A project of today with the store of before and its images."""
    root = tmp_path_factory.mktemp("before")
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(root, filter="data")
    for label, name in enumerate(CLASSES):
        for number in range(IMAGES):
            content = encode(image(label, number))
            files.write_bytes(root / "data" / "raw" / name / f"{number:02}.png", content)
    for action, values in {
        "publish": {"experiment": "thawline"},
        "register": {"name": NAME},
        "judge": {"alpha": 0.05},
        "ingest": {"source": "images"},
    }.items():
        files.write_yaml(root / "params" / f"{action}.yaml", values)
    files.write_text(root / "dvc.yaml", PIPELINE)
    return Project(root)


@pytest.fixture(scope="module")
def predicted(before):
    """What its `evaluate` said of the test images, by path."""
    return pd.read_parquet(before.root / "predictions.parquet").set_index("path")


@pytest.fixture(scope="module")
def challenger(before):
    """A model of today beside it, right about every test image; three were moved there since."""
    root, build = before.root, before.build
    (manifest,) = before.mlflow.glob("artifacts/models/*/artifacts/lineage/data/splits.parquet")
    images = pd.read_parquet(manifest)[["path", "sha256", "class", "side"]]
    images = images.rename(columns={"side": "split"})
    images.loc[images.index[images["split"] == "train"][:MOVED], "split"] = "test"
    (build / "split").mkdir(parents=True)
    images.to_parquet(build / "split" / "splits.parquet", index=False)
    test = images[images["split"] == "test"].reset_index(drop=True)
    write_network(build / "train")
    write_search(root, root / "data/raw/cat/00.png")
    answers = np.array([[float(one == name) for name in CLASSES] for one in test["class"]])
    scored = test[["path", "sha256"]].join(TASK.predictions(answers, test["class"]))
    (build / "evaluate").mkdir()
    scored.to_parquet(build / "evaluate" / "predictions.parquet", index=False)
    write_results(root, 1.0, len(test))
    files.write_yaml(before.data / "source.yaml", {"sha256": "ef" * 32})
    write_lock(root, "challenger")
    publish(before, PublishParams(experiment="thawline"))
    register(before, RegisterParams(name=NAME))
    vouch(before)
    return before


def write_network(folder: Path) -> None:
    network = NetworkDescription(
        architecture="test_efficientnet",
        arguments={},
        task=described(TASK),
        transform={"size": 32, "resize": 36, "mean": [0.5] * 3, "std": [0.5] * 3},
        freeze_depth=2,
        layer="blocks.1",
        trained_fraction=0.8125,
        learning_rate=0.003,
        base=Origin(source="package", licence="Apache-2.0", sha256="ab" * 32),
    )
    model = backbone.create(network.architecture, len(CLASSES), 32, {})
    folder.mkdir(parents=True)
    save_file(model.state_dict(), folder / "weights.safetensors")
    network.write(folder / "network.json")


def test_its_version_is_found_and_checked(before):
    """By name, with the digest that was computed then; its files are those that were registered."""
    with fetched.named(before, versions.parse(f"{NAME}@champion")) as (version, folder):
        weights = files.sha256(folder / "artifacts" / "weights.safetensors")
        network = NetworkDescription.read(folder / fetched.NETWORK)
    assert int(version.version) == 1
    assert identity.digest_of(weights, network) == versions.digest_of(version)
    assert (network.freeze_depth, network.trained_fraction) == (1, 0.4388)


def test_it_predicts_what_it_predicted_then(before, predicted, tmp_path):
    """The same classes, and the same probabilities to 1e-6."""
    named = tuple(f"data/raw/{path}" for path in predicted.index)
    output = tmp_path / "answers.jsonl"
    options = PredictOptions(
        named=named, start=before.root, model=None, form="jsonl", output=output
    )
    assert predict.predict(before, options) == 0
    rows = [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]
    assert [row["path"] for row in rows] == list(named)
    assert [row["class"] for row in rows] == list(predicted["prediction"])
    found = np.array([list(row["probabilities"].values()) for row in rows])
    assert np.abs(found - predicted[["probability_0", "probability_1"]]).to_numpy().max() < 1e-6


def test_it_is_judged(challenger, predicted):
    """On the images that it was not trained on, by the scores that it had then."""
    judged = judge(challenger, JudgeParams(alpha=0.05))
    assert not judged.promote
    assert "accuracy is not shown to be better" in judged.message
    entry = ledger.last(challenger, "verdict")
    assert entry["images"] == len(predicted)
    assert entry["left_out"] == MOVED
    assert entry["champion_score"] == predicted["correct"].mean()
    assert entry["challenger_score"] == 1.0


def test_its_ledger_is_read_in_the_words_of_today(before):
    """The verdict of then has the fields of now, and the champion is known."""
    verdict = ledger.read(before, "verdict")[0]
    assert set(verdict) == {"at", "kind", *ledger.KINDS["verdict"]}
    assert verdict["images"] == 0
    assert ledger.recorded_champion(before, NAME)["version"] == 1


def test_its_page_is_kept_up(challenger):
    """Both versions stand on the model's page, each with its score and its data."""
    page = client(challenger).get_registered_model(NAME).description
    assert "test accuracy 100.0% (100.0% to 100.0%) on old_images; starts from" in page
    assert "test accuracy 100.0% (95.0% to 100.0%) on images; starts from package" in page
