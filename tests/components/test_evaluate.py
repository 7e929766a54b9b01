"""What is evaluated is a network's answers to enough images, and what is damaged says so."""

import numpy as np
import pandas as pd
import pytest
import timm
import torch
from safetensors.torch import load_file, save_file
from samples import draw, encode
from scipy.stats import beta

from components.data.manifest import write_table
from components.frame import files
from components.model.backbone import create
from components.model.description import NetworkDescription, Origin

NETWORK = NetworkDescription(
    architecture="test_efficientnet",
    arguments={},
    task={"name": "classification", "classes": ["a", "b"]},
    transform={"size": 32, "resize": 32, "mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6]},
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

    def run(classes, weights=lambda value: value, *, splits="test", size=24, **changes):
        rows = [{"path": f"{i}.png", "class": name} for i, name in enumerate(classes)]
        table = pd.DataFrame(rows).assign(sha256="0", split=splits)
        for number, path in enumerate(table["path"]):
            image = draw(number, height=size, width=size)
            files.write_bytes(place.root / "data/raw" / path, encode(image))
        (place.root / "build/split").mkdir(parents=True)
        write_table(place.root / "build/split/splits.parquet", table)
        state = create(NETWORK.architecture, 2, 32, {}).state_dict()
        save_file({name: weights(v) for name, v in state.items()}, folder / "weights.safetensors")
        files.write_json(folder / "network.json", NETWORK.to_dict() | changes)
        return place.run("evaluate")

    return run


IMAGES = 11
"""So many that their names are not in the order of their numbers: `10.png` comes before `2.png`."""


@pytest.fixture
def scored(evaluate, place):
    """The test images' predictions, what they come to, and the same worked out here."""
    torch.manual_seed(1)
    place.change("evaluate", batch_size=4)
    outcome = evaluate("ab" * 6 + "a", splits=["test"] * IMAGES + ["train", "val"], size=32)
    assert outcome.code == 0, outcome.errors
    model = timm.create_model(NETWORK.architecture, num_classes=2)
    model.load_state_dict(load_file(place.root / "build/train/weights.safetensors"))
    drawn = np.stack([draw(number, height=32, width=32)[..., ::-1] for number in range(IMAGES)])
    pixels = (drawn / 255 - [0.1, 0.2, 0.3]) / [0.4, 0.5, 0.6]
    with torch.no_grad():
        outputs = model.eval()(torch.tensor(pixels.transpose(0, 3, 1, 2), dtype=torch.float32))
    folder = place.root / "build/evaluate"
    predictions = pd.read_parquet(folder / "predictions.parquet")
    metrics = files.read_json(folder / "metrics.json")
    return predictions, metrics, outputs.softmax(1).numpy(), outcome.output


def test_predictions_are_the_networks_own_of_every_test_image(scored):
    """Against the network run by hand; no image of another split is among them."""
    predictions, _, probabilities, _ = scored
    numbers = [int(path.removesuffix(".png")) for path in predictions["path"]]
    assert numbers == sorted(range(IMAGES), key=str)
    found = predictions[["probability_0", "probability_1"]].to_numpy()
    assert np.allclose(found, probabilities[numbers], atol=1e-5)
    assert predictions["true"].tolist() == ["ab"[number % 2] for number in numbers]
    likeliest = ["ab"[index] for index in probabilities[numbers].argmax(1)]
    assert predictions["predicted"].tolist() == likeliest
    assert (predictions["score"] == (predictions["true"] == predictions["predicted"])).all()


def test_what_predictions_come_to_is_worked_out_from_them_all(scored):
    """Accuracy, its interval by the beta distribution, and log loss."""
    _, metrics, probabilities, said = scored
    labels = np.arange(IMAGES) % 2
    hits = probabilities.argmax(1) == labels
    right = int(hits.sum())
    assert 0 < right < IMAGES
    assert metrics["images"] == IMAGES
    assert metrics["accuracy"] == pytest.approx(right / IMAGES)
    low, high = beta.ppf([0.025, 0.975], [right, right + 1], [IMAGES - right + 1, IMAGES - right])
    assert metrics["accuracy_low"] == pytest.approx(low)
    assert metrics["accuracy_high"] == pytest.approx(high)
    assert metrics["confidence_level"] == 0.95
    assert metrics["log_loss"] == pytest.approx(
        -np.log(probabilities[range(IMAGES), labels]).mean(), rel=1e-4
    )
    assert metrics["majority_fraction"] == pytest.approx(6 / 11)
    assert said.startswith(
        f"test accuracy {right / IMAGES:.1%} (95% interval {low:.1%} to {high:.1%}) on 11 images"
    )


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
