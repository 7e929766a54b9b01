"""A training may start from the champion: pinned by version and hashes, fetched once."""

import shutil

import pytest
import torch
from safetensors.torch import load_file
from stage_outputs import CLASSES

from components.base import BaseParams
from components.frame import files
from components.frame.errors import DataError
from components.model.backbone import create
from components.model.description import PACKAGE, NetworkDescription, Origin
from components.model.weights.champion import champion
from components.model.weights.packaged import packaged
from components.model.weights.pin import start_pin
from components.model.weights.place import champion_file
from components.model.weights.take import take
from flows.actions import sync
from flows.actions.promote import promote
from flows.serving import start

BASE = BaseParams(source="champion").model_dump()


@pytest.fixture
def asking(project, tmp_path):
    """The project asks for the champion's weights; its images may change."""
    folder = tmp_path / "images"
    for name in ("cat/1.png", "dog/1.png"):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_bytes(name.encode())
    files.write_yaml(project.params / "base.yaml", BASE)
    files.write_yaml(
        project.params / "ingest.yaml", {"source": str(folder), "max_unpacked_gib": 20.0}
    )
    project.data.mkdir(exist_ok=True)
    return folder


def pinned(project):
    return files.read_yaml(project.data / "start.yaml")


def test_without_a_champion_the_packaged_weights_are_taken_and_that_is_said(project, asking):
    """The first training of a project has to start somewhere."""
    said = sync.sync(project)
    assert "there is no champion yet: training starts from the packaged weights" in said
    assert pinned(project)["sha256"] == start_pin("package", "auto", 0, {})["sha256"]
    assert sync.pinned(project)


@pytest.mark.usefixtures("first")
def test_the_champions_files_are_pinned_and_fetched(project, asking):
    """Bit by bit those that were registered, under their hashes, with the names of its classes."""
    assert "training starts from version 1, the champion" in sync.sync(project)
    pin, built = pinned(project), project.build / "train" / "weights.safetensors"
    assert pin["weights"] == files.sha256(built)
    assert (pin["name"], pin["version"]) == ("thawline", 1)
    weights = champion(pin, project.cache)
    for name, value in load_file(built).items():
        assert torch.equal(weights.state[name], value), name
    assert weights.names == CLASSES
    assert weights.source == "thawline version 1, the champion"


@pytest.mark.usefixtures("first")
def test_a_promotion_makes_no_pin_stale_and_new_images_do(project, asking, rebuild, perform):
    """The pin names version 1 until the images change, and version 2 from then on."""
    sync.sync(project)
    before = pinned(project)
    rebuild(1, right=1.0)
    perform("publish", "register")
    promote(project, version=2, anyway=True)
    assert sync.pinned(project)
    sync.sync(project)
    assert pinned(project) == before
    (asking / "dog" / "2.png").write_bytes(b"another")
    assert not sync.pinned(project)
    assert "version 2, the champion" in sync.sync(project)
    assert pinned(project)["version"] == 2


@pytest.mark.usefixtures("first")
def test_a_cache_that_is_gone_is_filled_again_by_the_pin(project, asking, tmp_path):
    """Until then the stage that takes the weights says what to do."""
    sync.sync(project)
    shutil.rmtree(project.cache)
    asked = {**BASE, "model": tmp_path / "m.safetensors", "config": tmp_path / "config.json"}
    with pytest.raises(DataError, match=r"must hold what data/start.yaml pins .* thawline sync"):
        take(project.data / "start.yaml", project.cache, **asked)
    assert "those that are pinned" in sync.sync(project)
    take(project.data / "start.yaml", project.cache, **asked)
    told = files.read_json(tmp_path / "config.json")
    assert told["names"] == list(CLASSES)
    assert told["classes"] == len(CLASSES)


@pytest.mark.usefixtures("first")
def test_other_files_than_those_that_were_pinned_are_refused(project, asking):
    """A registry that was replaced does not slip others in."""
    sync.sync(project)
    with pytest.raises(DataError, match=r"must be what data/start\.yaml pins"):
        start.provide(project, pinned(project) | {"weights": "0" * 64})


def test_the_packages_weights_go_beside_those_of_a_champion_of_its_network(tmp_path):
    """So that validation can tell which to start from; beside another network's go none."""
    weights = packaged("auto")
    described = weights.describe(sha256="")
    for architecture, there in ((described.architecture, True), ("resnet18", False)):
        pin = champion_of(tmp_path / architecture, architecture)
        files.write_yaml(tmp_path / "start.yaml", pin)
        asked = {**BASE, "model": tmp_path / "m.safetensors", "config": tmp_path / "config.json"}
        take(tmp_path / "start.yaml", tmp_path / architecture, **asked)
        state, config = load_file(asked["model"]), files.read_json(asked["config"])
        beside = {name for name in state if name.startswith(PACKAGE)}
        assert bool(beside) == there == bool(config["package"])
        if there:
            assert len(beside) == len(weights.state)
            assert torch.equal(
                state[f"{PACKAGE}conv_stem.weight"], weights.state["conv_stem.weight"]
            )
            assert config["package"]["source"] == weights.source != config["source"]


def champion_of(cache, architecture):
    """The pin of a champion of an architecture, whose files lie in a cache."""
    model = create(architecture, len(CLASSES), 64, {})
    weights, network = cache / "weights.safetensors", cache / "network.json"
    files.write_tensors(weights, dict(model.state_dict()))
    NetworkDescription(
        architecture=architecture,
        arguments={},
        task={"name": "classification", "classes": [*CLASSES]},
        transform={"mean": [0.5] * 3, "std": [0.5] * 3},
        freeze_depth=0,
        layer="conv_stem",
        trained_fraction=1.0,
        learning_rate=1e-3,
        base=Origin(source="package", licence="Apache-2.0", sha256=""),
    ).write(network)
    pin = {"source": "champion", "architecture": "auto", "images": "", "name": "n", "version": 1}
    for name, path in (("weights", weights), ("network", network)):
        pin[name] = files.sha256(path)
        champion_file(cache, pin[name]).parent.mkdir(exist_ok=True)
        path.rename(champion_file(cache, pin[name]))
    return pin
