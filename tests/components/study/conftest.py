"""A search over a small network on small images."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from samples import draw, encode

from components.data.images import augmentation as augmentations
from components.data.images.dataset import Split
from components.data.images.pictures import Images
from components.data.images.pixels import pixels
from components.data.images.transform import Transform
from components.frame import events
from components.model.backbone import create
from components.model.description import PretrainedDescription
from components.model.groups import groups, trained_fraction
from components.study.plan import Choices, Plan
from components.study.search import Search
from components.training.pretrained import Pretrained
from components.training.recipe import Setting

CPU = torch.device("cpu")
SIZE, CLASSES = 32, 2
TRAIN, ALL = 40, 53
"""Neither split is a multiple of the batch."""


@pytest.fixture(scope="session")
def images(tmp_path_factory):
    """Two classes of noise, one darker than the other."""
    folder = tmp_path_factory.mktemp("images")
    paths = []
    for number in range(ALL):
        path = folder / f"{number:02}.png"
        path.write_bytes(encode(draw(number) // (2 if number % 2 else 1)))
        paths.append(path)
    transform = Transform(SIZE, SIZE, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    decoded = pixels(paths, [p.name for p in paths], transform, folder / "cache", lambda *_: None)
    labels = np.arange(ALL) % CLASSES
    train, val = (
        Split(decoded, chosen, labels[chosen], transform)
        for chosen in (np.arange(TRAIN), np.arange(TRAIN, ALL))
    )
    return Images(
        train, val, ("a", "b"), transform, augmentations.family(SIZE, horizontal_flip=False)
    )


@pytest.fixture(scope="session")
def pretrained():
    """A small network with dropout, its weights at random."""
    torch.manual_seed(0)
    model = create("test_efficientnet", CLASSES, SIZE, {"drop_rate": 0.2})
    config = PretrainedDescription(
        architecture="test_efficientnet",
        arguments={"drop_rate": 0.2},
        mean=(0.5,) * 3,
        std=(0.5,) * 3,
        input_size=(3, SIZE, SIZE),
        fixed_input_size=False,
        classes=CLASSES,
        source="random weights",
        licence="none needed",
        sha256="",
    )
    parts = groups(model)
    fractions = tuple(
        trained_fraction(model, parts, freeze_depth) for freeze_depth in range(len(parts))
    )
    return Pretrained(config, model.state_dict(), CLASSES, SIZE, parts, fractions)


@pytest.fixture(scope="session")
def plan(pretrained):
    """Six trials of three epochs."""
    last = len(pretrained.groups) - 1
    return Plan(
        strategy="staged",
        max_trials=6,
        max_minutes=None,
        compute=10.0,
        epochs=3,
        freeze_depths=(0, last),
        rates=(1e-4, 1e-2),
        enqueued=(Setting(last, 1e-2), Setting(0, 1e-3)),
        prune_after=0,
        confirmation_runs=1,
        views=2,
        cache_bytes=2**30,
        cache_precision="float32",
        batch_size=8,
        choices=Choices(),
        label_smoothing=0.1,
        seed=0,
        precision="off",
        workers=0,
    )


@pytest.fixture
def make_search(images, pretrained, plan, tmp_path):
    """Open the search that lies in a folder; `changes` are of its plan."""

    def make(name="work", **changes):
        log = events.Events(tmp_path / name / "events.jsonl")
        folder, cache = tmp_path / name / "folder", tmp_path / name / "cache"
        return Search(replace(plan, **changes), images, pretrained, folder, cache, log, CPU)

    return make
