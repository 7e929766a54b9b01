"""The final training: what the search chose is what is trained, and its best epoch what is kept."""

from contextlib import nullcontext
from dataclasses import replace

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from components.data.images import augmentation
from components.frame import files
from components.frame.errors import DataError, UsageError
from components.frame.events import Events
from components.frame.work import Work
from components.model.backbone import trained
from components.model.description import NetworkDescription
from components.training import final
from components.training.compute import Compute
from components.training.difficulty import image_losses
from components.training.feed import ImageFeed
from components.training.final import TrainRequest, fine_tune
from components.training.fit import fit
from components.training.outcome import TrainOutputs
from components.training.probe import fit_head
from components.training.recipe import Best, Recipe, Setting
from components.training.samplers import Sampling
from components.training.validate import Validated, validate

EPOCHS, CPU = 3, torch.device("cpu")
COMPUTE = Compute(batch_size=10, device=CPU)
SETTING = Setting(
    freeze_depth=1,
    learning_rate=1e-2,
    mixup=0.4,
    magnitude=2,
    weight_decay=0.0,
    class_weights='{"b": 3.0}',
    curriculum=0.9,
)
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


def tuned(images, pretrained, folder, setting=SETTING, soup="none", fallback="none"):
    """What a training with a setting wrote."""
    best = folder / "best.yaml"
    Best(layer="blocks.0", batch_size=10, setting=setting).write(best)
    names = ("weights.safetensors", "network.json", "history.csv", "training.json")
    weights, network, history, training = (folder / name for name in names)
    outputs = TrainOutputs(weights=weights, network=network, history=history, training=training)
    fine_tune(
        Opened(images, pretrained),
        outputs,
        best,
        Work(folder / "work", folder / "cache", Events(folder / "events.jsonl")),
        TrainRequest(
            epochs=EPOCHS,
            patience=EPOCHS,
            soup=soup,
            seed=4,
            device="cpu",
            precision="off",
            workers=0,
            subset=1.0,
            test_time_views=4,
            fallback=fallback,
        ),
    )
    return outputs


@pytest.fixture(scope="module")
def outputs(spoilt, pretrained, tmp_path_factory):
    """What a training with `SETTING` wrote."""
    return tuned(spoilt, pretrained, tmp_path_factory.mktemp("final"))


def test_it_trains_with_all_that_the_search_chose(outputs, spoilt, pretrained, tmp_path):
    """Batch, augmentation, mixup, seed, order and freezing: epoch by epoch as a fit of these."""

    def losses():
        return image_losses(pretrained.network(4), spoilt.train, COMPUTE)

    sampling = Sampling.of(SETTING, EPOCHS, losses)
    feed = ImageFeed(
        images=spoilt, batch_size=10, magnitude=2, seed=4, workers=0, sampling=sampling
    )
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
    told = files.read_json(outputs.training)
    assert told["techniques"]["mixup"] == {"alpha": 0.4}
    assert told["data"] == {
        "images": len(spoilt.train),
        "sampling": "shuffled",
        "curriculum": 0.9,
        "loss": "cross_entropy",
        "class_weights": [1.0, 3.0],
    }


def test_the_weights_are_the_best_epochs_and_described_as_such(outputs, spoilt):
    """The network that they are read into reaches what was told of the epoch that was kept."""
    described, told = NetworkDescription.read(outputs.network), files.read_json(outputs.training)
    history = pd.read_csv(outputs.history)
    best = max(history.itertuples(), key=lambda e: (e.validation_score, -e.validation_loss))
    model = trained(described, load_file(outputs.weights), spoilt.task.outputs, 32)
    found = validate(model, spoilt.val.batches(10), spoilt.task, device=CPU)
    assert told["kept_epoch"] == best.epoch < EPOCHS
    assert found.loss == pytest.approx(best.validation_loss, abs=1e-5)
    assert described.transform == spoilt.transform.to_dict() | {"views": 4}
    assert (described.freeze_depth, described.learning_rate) == (1, 1e-2)


def test_it_starts_from_the_probe_where_that_is_asked_for(images, pretrained, tmp_path):
    """At a rate that moves nothing, what validates is the pretrained network with its probe."""
    still = Setting(freeze_depth=0, learning_rate=1e-12, head_start="probe")
    written = tuned(images, pretrained, tmp_path, still)
    probe = fit_head(pretrained.network(4), images, COMPUTE)
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


@pytest.mark.parametrize("flip", [False, True])
def test_a_mirror_image_is_no_view_where_training_sees_none(images, flip):
    """It may be another thing: a letter, a hand."""
    given = replace(images, family=augmentation.family(32, horizontal_flip=flip))
    assert [final._views(views, given) for views in (1, 4)] == [1, 4]
    assert final._views("auto", given) == (2 if flip else 1)
    with nullcontext() if flip else pytest.raises(UsageError, match="must be 1 or 4 where"):
        assert final._views(2, given) == 2


def test_a_soup_is_written_and_told_where_it_is_asked_for(
    outputs, spoilt, pretrained, tmp_path, monkeypatch
):
    """Whichever mixture is taken: the weights are those, and reach what is told of them."""
    monkeypatch.setattr(Validated, "rank", (0.0, 0.0))  # all are as good
    cooked = tuned(spoilt, pretrained, tmp_path, soup="greedy")
    told = files.read_json(cooked.training)
    assert "soup" not in files.read_json(outputs.training)
    assert told["soup"] == {"epochs": [1, 2, 3], "fraction": 0.25}
    model = trained(NetworkDescription.read(cooked.network), load_file(cooked.weights), 2, 32)
    found = validate(model, spoilt.val.batches(10), spoilt.task, device=CPU)
    assert found.loss == pytest.approx(told["validation_loss"], abs=1e-5)
    assert found.score == told["validation_accuracy"]


HARDLY = Setting(freeze_depth=0, learning_rate=1e-7)
"""Leaves the network as it is, with a head that is drawn."""


@pytest.fixture(scope="module")
def fallen_back(images, pretrained, tmp_path_factory):
    """What a training that learnt nothing wrote."""
    return tuned(images, pretrained, tmp_path_factory.mktemp("fallen"), HARDLY, fallback="linear")


def test_a_linear_model_is_kept_where_training_ends_below_it(fallen_back, images, pretrained):
    """Its weights, its scores and what it is: the pretrained network with another head."""
    told = files.read_json(fallen_back.training)
    assert told["fallback"]["kept"]
    assert told["validation_accuracy"] == told["fallback"]["validation_accuracy"]
    network = pretrained.network(4)
    fit_head(network, images, COMPUTE).put(network)
    kept = load_file(fallen_back.weights)
    assert all(torch.equal(kept[name], value) for name, value in network.state_dict().items())
    reached = validate(network, images.val.batches(10), images.task, device=CPU, size=10)
    assert told["validation_accuracy"] == pytest.approx(reached.score)
    assert told["validation_loss"] == pytest.approx(reached.loss)
    described = NetworkDescription.read(fallen_back.network)
    assert described.layer == pretrained.layers[-1]
    assert described.trained_fraction == pretrained.fractions[-1]


def test_what_was_trained_is_kept_where_it_is_as_good(images, pretrained, tmp_path):
    """A linear model that is asked for and loses leaves no trace but the comparison."""
    setting = Setting(
        freeze_depth=len(pretrained.layers) - 1, learning_rate=1e-7, head_start="probe"
    )
    outputs = tuned(images, pretrained, tmp_path, setting, fallback="linear")
    told = files.read_json(outputs.training)
    assert told["fallback"]["kept"] is False
    assert told["fallback"]["sentence"].endswith("what was trained is kept.")


def test_no_linear_model_is_fitted_where_none_is_asked_for(outputs):
    assert "fallback" not in files.read_json(outputs.training)
