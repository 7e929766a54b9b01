"""The final training: what the search chose is what is trained, and its best epoch what is kept."""

from dataclasses import replace

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from components.frame import files
from components.frame.errors import DataError
from components.frame.events import Events
from components.frame.work import Work
from components.model.backbone import trained
from components.model.description import NetworkDescription
from components.training.feed import ImageFeed
from components.training.final import TrainOutputs, fine_tune
from components.training.fit import fit
from components.training.probe import fit_head
from components.training.recipe import Best, Recipe, Setting
from components.training.validate import validate

EPOCHS, CPU = 3, torch.device("cpu")
SETTING = Setting(freeze_depth=1, learning_rate=1e-2, mixup=0.4, magnitude=2, weight_decay=0.0)
RECIPE = Recipe(setting=SETTING, epochs=EPOCHS, patience=EPOCHS, seed=4, precision="off")


class Opened:
    """Stands for the files of the stages before, already opened."""

    def __init__(self, images, pretrained):
        self.both = images, pretrained

    def opened(self, stage, work):
        return self.both


@pytest.fixture(scope="module")
def spoilt(images):
    """Images of which those of validation have the other class: what is learnt makes it worse."""
    return replace(images, val=replace(images.val, targets=1 - images.val.targets))


def tuned(images, pretrained, folder, setting):
    """What a training with a setting wrote."""
    best = folder / "best.yaml"
    Best(layer="blocks.0", batch_size=10, setting=setting).write(best)
    names = ("weights.safetensors", "network.json", "history.csv", "training.json")
    weights, network, history, training = (folder / name for name in names)
    written = TrainOutputs(weights=weights, network=network, history=history, training=training)
    fine_tune(
        Opened(images, pretrained),
        written,
        best,
        Work(folder / "work", folder / "cache", Events(folder / "events.jsonl")),
        epochs=EPOCHS,
        patience=EPOCHS,
        seed=4,
        device="cpu",
        precision="off",
        workers=0,
    )
    return written


@pytest.fixture(scope="module")
def outputs(spoilt, pretrained, tmp_path_factory):
    """What a training with `SETTING` wrote."""
    return tuned(spoilt, pretrained, tmp_path_factory.mktemp("final"), SETTING)


def test_it_trains_with_all_that_the_search_chose(outputs, spoilt, pretrained, tmp_path):
    """Batch, augmentation, mixup, seed and freezing: epoch by epoch what a fit of these gives."""
    feed = ImageFeed(images=spoilt, batch_size=10, magnitude=2, seed=4, workers=0)
    histories = [
        fit(
            pretrained.network(4),
            pretrained.groups,
            feed,
            spoilt.task,
            recipe,
            device=CPU,
            keep=tmp_path / f"mixup {recipe.setting.mixup}",
            keep_best=True,
            on_epoch=lambda *_: False,
        ).history
        for recipe in (RECIPE, replace(RECIPE, setting=replace(SETTING, mixup=0.0)))
    ]
    mixed, plain = (pd.DataFrame(history)["train_loss"].tolist() for history in histories)
    assert pd.read_csv(outputs.history)["train_loss"].tolist() == pytest.approx(mixed)
    assert mixed != pytest.approx(plain)
    assert files.read_json(outputs.training)["techniques"]["mixup"] == {"alpha": 0.4}


def test_the_weights_are_the_best_epochs_and_described_as_such(outputs, spoilt):
    """The network that they are read into reaches what was told of the epoch that was kept."""
    described, told = NetworkDescription.read(outputs.network), files.read_json(outputs.training)
    history = pd.read_csv(outputs.history)
    best = max(history.itertuples(), key=lambda e: (e.validation_score, -e.validation_loss))
    model = trained(described, load_file(outputs.weights), spoilt.task.outputs, 32)
    found = validate(model, spoilt.val.batches(10), spoilt.task, device=CPU)
    assert told["kept_epoch"] == best.epoch < EPOCHS
    assert found.loss == pytest.approx(best.validation_loss, abs=1e-5)
    assert described.transform == spoilt.transform.to_dict()
    assert (described.freeze_depth, described.learning_rate) == (1, 1e-2)


def test_it_starts_from_the_probe_where_that_is_asked_for(images, pretrained, tmp_path):
    """At a rate that moves nothing, what validates is the pretrained network with its probe."""
    still = Setting(freeze_depth=0, learning_rate=1e-12, head_start="probe")
    written = tuned(images, pretrained, tmp_path, still)
    probe = fit_head(pretrained.network(4), images, batch_size=10, device=CPU)
    weight = load_file(written.weights)["classifier.weight"]
    assert torch.allclose(weight, torch.from_numpy(probe.layers[0].weight), atol=1e-6)
    assert files.read_json(written.training)["techniques"]["head_start"] == probe.in_force()


def test_hidden_layers_of_the_head_are_rebuilt_from_what_is_written(images, pretrained, tmp_path):
    """By the description alone, as evaluation and serving do it."""
    setting = Setting(freeze_depth=0, learning_rate=1e-2, head_layers="8:0.5+4")
    written = tuned(images, pretrained, tmp_path, setting)
    network = NetworkDescription.read(written.network)
    model = trained(network, load_file(written.weights), 2, pretrained.size)
    kept = files.read_json(written.training)
    reached = validate(model, images.val.batches(10), images.task, device=CPU, size=10)
    assert [part.out_features for part in model.classifier if hasattr(part, "weight")] == [8, 4, 2]
    assert reached.loss == pytest.approx(kept["validation_loss"], rel=1e-5)
    assert "head_layers" in network.identity
    plain = replace(network, head_layers="none")
    with pytest.raises(DataError, match="must be those of"):
        trained(plain, load_file(written.weights), 2, pretrained.size)


def test_the_trained_fraction_is_that_of_what_trained(images, pretrained, tmp_path):
    setting = Setting(freeze_depth=0, learning_rate=1e-2, tuning="bitfit")
    written = tuned(images, pretrained, tmp_path, setting)
    groups = files.read_json(written.training)["groups"]
    fraction = sum(g["trained"] for g in groups) / sum(g["parameters"] for g in groups)
    assert NetworkDescription.read(written.network).trained_fraction == round(fraction, 4) < 0.1
