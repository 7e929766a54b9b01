"""What the network gets to see is written once, for a task that there is."""

import pandas as pd
import pytest
from samples import draw, encode

from components.augment import POLICIES
from components.data.images import pipeline_pin
from components.data.images.augmentation import mirrors
from components.data.images.policy import AugmentationDescription
from components.frame import files
from components.model.backbone import create
from components.model.description import PretrainedDescription

PRETRAINED = PretrainedDescription(
    architecture="test_efficientnet",
    arguments={},
    mean=(0.1, 0.2, 0.3),
    std=(0.5, 0.5, 0.5),
    input_size=(3, 64, 64),
    fixed_input_size=False,
    classes=0,
    source="random weights",
    licence="none needed",
    sha256="",
)


@pytest.fixture
def ready(place):
    """Two images of each of two classes, and weights to start from."""
    rows = []
    for number in range(4):
        path = f"{'cat' if number % 2 else 'dog'}/{number}.png"
        files.write_bytes(place.root / "data/raw" / path, encode(draw(number)))
        rows.append({"path": path, "class": path[:3], "split": "train", "sha256": str(number)})
    table = pd.DataFrame(rows).assign(width=24, height=24)
    (place.root / "build/split").mkdir(parents=True)
    table.to_parquet(place.root / "build/split/splits.parquet")
    PRETRAINED.write(place.root / "build/base/config.json")
    weights = create("test_efficientnet", 2, 64, {}).state_dict()
    files.write_tensors(place.root / "build/base/model.safetensors", weights)
    return place


def test_the_policy_names_the_task_and_every_magnitude(ready):
    """And judges images by the mean of the weights, at a size the network can use."""
    outcome = ready.run("augment")
    assert outcome.code == 0, outcome.errors
    written = AugmentationDescription.read(ready.root / "build/augment/augmentation.json")
    assert written.task == "classification"
    assert written.evaluation["mean"] == [0.1, 0.2, 0.3]
    assert written.evaluation["size"] == 48
    assert list(written.training) == ["0", "1", "2", "3"]
    assert (ready.root / "build/augment/preview.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("asked", ["auto", True, False])
def test_mirroring_is_as_asked_or_found_out(ready, asked):
    """Four images say nothing against it; and what was found is told and kept."""
    ready.change("augment", horizontal_flip=asked)
    outcome = ready.run("augment")
    assert outcome.code == 0, outcome.errors
    written = AugmentationDescription.read(ready.root / "build/augment/augmentation.json")
    assert mirrors(written.training) is bool(asked)
    sentence = "training may mirror images: of 4 images"
    assert written.mirroring.startswith(sentence if asked == "auto" else "")
    assert (sentence in outcome.output) is (asked == "auto")


def test_an_unknown_task_is_refused_with_the_file_that_asks_for_it(ready):
    """Nothing is written for it."""
    ready.change("augment", task="classifikation")
    outcome = ready.run("augment")
    assert outcome.code == 2
    assert "params/augment.yaml: task must be one of classification" in outcome.errors
    assert "but is 'classifikation'" in outcome.errors
    assert not (ready.root / "build/augment/augmentation.json").exists()


def test_no_row_of_the_preview_has_the_draws_of_another(ready, monkeypatch):
    """Equal draws down a column would show one augmentation ten times over."""
    drawn = []
    monkeypatch.setattr(
        "components.figures.augmenting.load",
        lambda *_: lambda image, seed: drawn.append(seed) or image[:12, :12],
    )
    assert ready.run("augment").code == 0
    rows = [set(drawn[start : start + 9]) for start in range(0, len(drawn), 9)]
    assert len(rows) == 4
    assert all(len(row) == 3 for row in rows)
    assert not set.intersection(*rows)
    assert len(set(drawn)) == 12


def test_policies_are_the_same_wherever_they_are_named():
    """Else one would be taken for a file."""
    assert POLICIES == pipeline_pin.POLICIES


def test_a_pipeline_of_a_person_s_own_is_taken_from_its_pin(ready):
    """As text: the file itself may have changed since, or be gone."""
    transform = {"__class_fullname__": "InvertImg", "p": 1.0}
    pin = {"pipeline": {"transform": transform}}
    files.write_yaml(ready.root / "data" / "pipeline.yaml", pin)
    ready.change("augment", policy="mine.json")
    outcome = ready.run("augment")
    assert outcome.code == 0, outcome.errors
    written = AugmentationDescription.read(ready.root / "build/augment/augmentation.json")
    assert "InvertImg" in str(written.training["1"])
    assert "InvertImg" not in str(written.training["0"])


@pytest.mark.parametrize(("policy", "pipeline"), [("mine.json", None), ("rand", {"transform": {}})])
def test_a_pin_of_another_policy_is_refused(ready, policy, pipeline):
    """With the command that renews it."""
    files.write_yaml(ready.root / "data" / "pipeline.yaml", {"pipeline": pipeline})
    ready.change("augment", policy=policy)
    outcome = ready.run("augment")
    assert outcome.code == 3
    assert "data/pipeline.yaml pins, but is not. Take it: thawline sync" in outcome.errors


def test_a_pipeline_that_cannot_be_used_ends_the_stage_with_a_sentence(ready):
    """And no traceback of albumentations."""
    pin = {"pipeline": {"transform": {"__class_fullname__": "Lambda", "__name__": "mine"}}}
    files.write_yaml(ready.root / "data" / "pipeline.yaml", pin)
    ready.change("augment", policy="mine.json")
    outcome = ready.run("augment")
    assert outcome.code == 3
    assert "'Lambda' is none that can be read from a file" in outcome.errors
    assert not (ready.root / "build/augment/augmentation.json").exists()
