"""A case that a benchmark runs on: images, split and decoded, and the weights to start from."""

import argparse
import hashlib
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from components.data.images import augmentation as augmentations
from components.data.images.dataset import Split
from components.data.images.pixels import pixels
from components.data.images.transform import Transform
from components.data.layout import places
from components.data.manifest import read_table, write_table
from components.data.source import open_source
from components.data.splitting import SPLITS, assign
from components.frame import files
from components.model.description import PretrainedDescription
from components.model.weights.pin import start_pin
from components.model.weights.place import PACKAGES
from components.model.weights.take import take
from components.tasks.classification import Classification
from components.training.images import Images
from components.training.pretrained import Pretrained

Change = Callable[[NDArray[np.uint8], int], NDArray[np.uint8]]
"""Changes an image (H, W, 3) in one of several ways."""
LEVELS = (0.0, 1.0, 2.0, 3.0, 4.0)
"""Standard deviations of the blur, in hundredths of the image's short side."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is compared on."""

    pretrained: Pretrained
    images: Images
    test: Split
    folder: Path
    """For whatever is written meanwhile."""
    balanced: bool = False
    """Whether each class is to count the same, however many images it has."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Their names, in the order of the outputs."""
        assert isinstance(self.images.task, Classification)  # noqa: S101  # as `splits_of` made it
        return self.images.task.classes


def add_options(parser: argparse.ArgumentParser, *, limit: int) -> None:
    """What every benchmark lets one choose of its images."""
    parser.add_argument(
        "--data", default="digits", help="digits, a folder, an archive, blur: or turn:PATH"
    )
    parser.add_argument("--size", type=int, default=48, help="side of the images, pixels")
    parser.add_argument("--limit", type=int, default=limit, help="images, all splits together")


def add_options_of_one(parser: argparse.ArgumentParser, *, limit: int) -> None:
    """What a benchmark of a single network lets one choose."""
    add_options(parser, limit=limit)
    parser.add_argument(
        "--weights", default="package", help="package, one of its networks, none, a file"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")


@contextmanager
def prepared(asked: argparse.Namespace) -> Iterator[Case]:
    """The case that the options of a benchmark of a single network name; one thread computes."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table = bring(asked.data, folder, asked.limit)
        yield make_case(table, asked.weights, asked.size, folder)


def make_case(
    table: pd.DataFrame, weights: str, size: int, folder: Path, *, mirror: bool = False
) -> Case:
    """Images that `bring` brought, which may be mirrored or not, and weights to start from."""
    model, config = weights_of(weights, folder)
    images, test = splits_of(table, folder, transform_of(config, size), mirror=mirror)
    pretrained = Pretrained.read(model, config, images.task.outputs, size)
    return Case(pretrained=pretrained, images=images, test=test, folder=folder)


def bring(source: str, folder: Path, limit: int) -> pd.DataFrame:
    """Copy at most `limit` images, the same fraction of every class, and split them.

    The source is `digits`, a folder, an archive, or `blur:` or `turn:` and one of these. With
    `blur:` the class is how much an image was blurred: what a network sees in its first layers
    decides, and what its last layers were trained for does not matter. With `turn:` it is by how
    many quarters of a circle an image was turned: its last layers were trained to say what is
    seen, and not how it lies.
    """
    change, _, path = source.partition(":")
    changed = change in CHANGES
    entries = open_source(path if changed else source).entries()
    found = {one.name: one.content for one in entries if one.content is not None}
    found = _made_anew(found, *CHANGES[change]) if changed else found
    where = places(found)
    rows = [
        {
            "path": name,
            "class": where[name].label,
            "subset": None,
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        for name, content in found.items()
    ]
    table = pd.DataFrame(rows).sort_values("sha256").astype({"subset": "string"})
    fraction = min(1.0, limit / len(table))
    table = table.groupby("class").apply(lambda rows: rows.head(round(len(rows) * fraction)))
    table = table.reset_index(level=0).reset_index(drop=True)
    for name in table["path"]:
        files.write_bytes(folder / "raw" / name, found[name])
    write_table(folder / "images.parquet", table)
    assign(
        folder / "images.parquet",
        test_fraction=0.25,
        val_fraction=0.25,
        group_by=None,
        splits=folder / "splits.parquet",
        fractions=folder / "fractions.json",
    )
    return read_table(folder / "splits.parquet")


def splits_of(
    table: pd.DataFrame, folder: Path, transform: Transform, *, mirror: bool = False
) -> tuple[Images, Split]:
    """Decoded images: train and validation, and the test split apart."""
    task = Classification.of(table)
    targets = task.targets(table)
    paths = [folder / "raw" / path for path in table["path"]]
    decoded = pixels(paths, list(table["sha256"]), transform, folder, lambda *_: None)
    parts = {
        name: Split(decoded, chosen, targets[chosen], transform)
        for name in SPLITS
        for chosen in [np.flatnonzero(table["split"] == name)]
    }
    test = parts.pop("test")
    family = augmentations.family(transform.size, horizontal_flip=mirror)
    train, val = parts["train"], parts["val"]
    return Images(train=train, val=val, task=task, transform=transform, family=family), test


def weights_of(source: str, folder: Path) -> tuple[Path, Path]:
    """What `base` makes of a source of weights, or of a network that a package has them of."""
    drawn = "timm"
    source, architecture = ("package", source) if source in PACKAGES else (source, "auto")
    pin = start_pin(source, architecture, seed=0, known={}, initialisation=drawn)
    files.write_yaml(folder / "start.yaml", pin)
    model, config = folder / "base.safetensors", folder / "base.json"
    take(
        folder / "start.yaml",
        folder / "cache",
        source=source,
        architecture=architecture,
        initialisation=drawn,
        seed=0,
        model=model,
        config=config,
    )
    return model, config


def transform_of(config: Path, size: int) -> Transform:
    """Images of `size` pixels as the weights that `config` describes take them."""
    described = PretrainedDescription.read(config)
    content = {"size": size, "resize": size, "mean": described.mean, "std": described.std}
    return Transform.from_dict(content)


def _blurred(image: NDArray[np.uint8], level: int) -> NDArray[np.uint8]:
    sigma = LEVELS[level] / 100 * min(image.shape[:2])
    return cv2.GaussianBlur(image, (0, 0), sigma) if sigma else image


def _turned(image: NDArray[np.uint8], quarters: int) -> NDArray[np.uint8]:
    return np.rot90(image, quarters)


CHANGES: dict[str, tuple[Change, int]] = {"blur": (_blurred, len(LEVELS)), "turn": (_turned, 4)}


def _made_anew(found: Mapping[str, bytes], change: Change, classes: int) -> dict[str, bytes]:
    """The images, each changed in one of the ways; its folder names which."""
    made = {}
    for _, content in sorted(found.items()):
        digest = hashlib.sha256(content).hexdigest()
        way = int(digest, 16) % classes
        image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
        assert image is not None  # noqa: S101  # `open_source` has seen that it is an image
        encoded = cv2.imencode(".png", change(image.astype(np.uint8), way))[1]
        made[f"way_{way}/{digest[:24]}.png"] = encoded.tobytes()
    return made
