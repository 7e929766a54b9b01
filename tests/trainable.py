"""A small network on small images: what tests of training and of the search train."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from samples import draw, encode

from components.data.images import augmentation as augmentations
from components.data.images.dataset import Split
from components.data.images.pixels import pixels
from components.data.images.transform import Transform
from components.model.backbone import create
from components.model.description import Origin, PretrainedDescription
from components.model.groups import groups, trained_fraction
from components.tasks.classification import Classification
from components.training.images import Images
from components.training.pretrained import Pretrained

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
    transform = Transform(size=SIZE, resize=SIZE, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
    decoded = pixels(paths, [p.name for p in paths], transform, folder / "cache", lambda *_: None)
    labels = np.arange(ALL) % CLASSES
    train, val = (
        Split(decoded, chosen, labels[chosen], transform)
        for chosen in (np.arange(TRAIN), np.arange(TRAIN, ALL))
    )
    return Images(
        train=train,
        val=val,
        task=Classification(("a", "b")),
        transform=transform,
        family=augmentations.family(SIZE, horizontal_flip=False),
    )


@pytest.fixture(scope="session")
def champion(pretrained):
    """The same network, trained on: it knows both classes, and the package's weights lie beside."""
    drawn = torch.Generator().manual_seed(1)
    state = {
        name: value + 0.05 * torch.randn(value.shape, generator=drawn)
        if name.endswith("weight")
        else value
        for name, value in pretrained.state.items()
    }
    package = Origin(source="package", licence="none needed", sha256="")
    config = replace(pretrained.config, names=("a", "b"), source="champion", package=package)
    return replace(
        pretrained, config=config, state=state, package=pretrained.state, names=("a", "b")
    )


@pytest.fixture(scope="session")
def pretrained():
    """A small network with dropout, its weights at random."""
    torch.manual_seed(0)
    model = create("test_efficientnet", CLASSES, SIZE, {"drop_rate": 0.2})
    config = PretrainedDescription(
        architecture="test_efficientnet",
        arguments={"drop_rate": 0.2},
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        input_size=(3, SIZE, SIZE),
        fixed_input_size=False,
        classes=CLASSES,
        source="random weights",
        licence="none needed",
        sha256="",
    )
    parts = groups(model)
    return Pretrained(
        config=config,
        state=model.state_dict(),
        outputs=CLASSES,
        size=SIZE,
        groups=parts,
        fractions=tuple(trained_fraction(model, parts, depth) for depth in range(len(parts))),
    )
