"""What is evaluated is a network's answers to enough images, and what is damaged says so."""

import pandas as pd
import pytest
import torch
from safetensors.torch import save_file
from samples import draw, encode

from components.data.manifest import write_table
from components.frame import files
from components.model.backbone import create
from components.model.description import NetworkDescription, Origin

NETWORK = NetworkDescription(
    architecture="test_efficientnet",
    arguments={},
    task={"name": "classification", "classes": ["a", "b"]},
    transform={"size": 32, "resize": 32, "mean": [0.5] * 3, "std": [0.5] * 3},
    freeze_depth=0,
    layer="conv_stem",
    trained_fraction=1.0,
    learning_rate=1e-3,
    base=Origin(source="random weights", licence="none needed", sha256=""),
)


@pytest.fixture
def evaluate(place):
    """Evaluate a network on test images of these classes; its code and words, and its metrics."""
    folder = place.root / "build/train"
    folder.mkdir(parents=True)

    def run(classes, weights=lambda value: value, **changes):
        rows = [{"path": f"{i}.png", "class": name} for i, name in enumerate(classes)]
        table = pd.DataFrame(rows).assign(sha256="0", split="test")
        for number, path in enumerate(table["path"]):
            files.write_bytes(place.root / "data/raw" / path, encode(draw(number)))
        (place.root / "build/split").mkdir(parents=True)
        write_table(place.root / "build/split/splits.parquet", table)
        state = create(NETWORK.architecture, 2, 32, {}).state_dict()
        save_file({name: weights(v) for name, v in state.items()}, folder / "weights.safetensors")
        files.write_json(folder / "network.json", NETWORK.to_dict() | changes)
        return place.run("evaluate")

    return run


def ruined(value):
    return value * torch.nan if value.is_floating_point() else value


@pytest.mark.parametrize(
    ("classes", "changes", "said"),
    [
        ("a", {}, "the test split must hold 2 images or more, but holds 1"),
        ("ab", {"weights": ruined}, "what the network answers must be numbers"),
        ("ab", {"architecture": "test_resnet"}, "the weights must be those of test_resnet with 2"),
        ("ab", {"task": {"name": "classification", "classes": "ab"}}, "classes must be tuple"),
        ("ab", {"task": {"name": "classification"}}, "task must hold classes"),
        ("ab", {"task": {}}, "task must be one of classification"),
        ("ab", {"transform": {"size": 32}}, "Transform must hold size, resize, mean, std"),
    ],
)
def test_what_cannot_be_evaluated_says_why(evaluate, classes, changes, said):
    """A sentence with a remedy, and no traceback."""
    outcome = evaluate(classes, **changes)
    assert outcome.code in {2, 3}
    assert said in outcome.errors


def test_weights_that_are_torn_are_named(evaluate, place):
    """Not the library's words alone."""
    evaluate("ab")
    (place.root / "build/train/weights.safetensors").write_bytes(b"torn")
    outcome = place.run("evaluate")
    assert outcome.code == 3
    assert "weights.safetensors must hold weights" in outcome.errors


def test_a_metric_of_which_the_images_say_nothing_is_left_out(evaluate, place):
    """One class alone has no ROC curve; all else is said of it."""
    outcome = evaluate("aa")
    assert outcome.code == 0, outcome.errors
    metrics = files.read_json(place.root / "build/evaluate/metrics.json")
    assert "roc_auc" not in metrics
    assert metrics["images"] == 2


def test_every_mistake_is_listed_and_nothing_else(evaluate, place):
    """With what is needed to look at it: the file, both classes, how sure the network was."""
    outcome = evaluate("abab")
    assert outcome.code == 0, outcome.errors
    wrong = pd.read_csv(place.root / "build/evaluate/mistakes.csv")
    told = pd.read_parquet(place.root / "build/evaluate/predictions.parquet")
    assert list(wrong) == ["path", "true", "predicted", "probability"]
    assert set(wrong["path"]) == set(told.loc[told["true"] != told["predicted"], "path"])
    assert len(wrong) == round((1 - told["score"].mean()) * 4)
    assert wrong["probability"].between(0.5, 1).all()


def test_every_class_has_an_interval_around_its_recall(evaluate, place):
    """Wide, of few images; a class without test images has none."""
    evaluate("aaaa")
    table = pd.read_csv(place.root / "build/evaluate/tables/classes.csv").set_index("class")
    assert table.loc["a", "recall_low"] <= table.loc["a", "recall"] <= table.loc["a", "recall_high"]
    assert table.loc["a", "recall_high"] - table.loc["a", "recall_low"] > 0.5
    assert table.loc["b", ["recall_low", "recall_high"]].isna().all()
