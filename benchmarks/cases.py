"""A case that a benchmark runs on: images, split and decoded, and the weights to start from."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from components.data.images import augmentation as augmentations
from components.data.images.dataset import Split
from components.data.images.pixels import pixels
from components.data.images.transform import Transform
from components.data.layout import places
from components.data.source import open_source
from components.data.splitting import assign
from components.frame import files
from components.model.description import PretrainedDescription
from components.model.weights.pin import start_pin
from components.model.weights.take import take
from components.tasks.classification import Classification
from components.training.images import Images
from components.training.pretrained import Pretrained

Change = Callable[[NDArray[np.uint8], int], NDArray[np.uint8]]
"""Changes an image (H, W, 3) in one of several ways."""
LEVELS = (0.0, 1.0, 2.0, 3.0, 4.0)
"""Standard deviations of the blur, in hundredths of the image's short side."""


@dataclass(frozen=True)
class Case:
    """What strategies are compared on."""

    pretrained: Pretrained
    images: Images
    test: Split


def case(data: str, weights: str, size: int, limit: int, folder: Path) -> Case:
    """Bring in `data`: `digits`, a folder, an archive, or `blur:` or `turn:` and one of these.

    With `blur:` the class is how much an image was blurred: what a network sees in its first
    layers decides, and what its last layers were trained for does not matter. With `turn:` it is
    by how many quarters of a circle an image was turned: its last layers were trained to say what
    is seen, and not how it lies.
    """
    model, config = weights_of(weights, folder)
    transform = transform_of(config, size)
    images, test = splits_of(bring(data, folder, limit), folder, transform)
    return Case(Pretrained.read(model, config, images.task.outputs, size), images, test)


def bring(source: str, folder: Path, limit: int) -> pd.DataFrame:
    """Copy at most `limit` images, the same fraction of every class, and split them."""
    task, _, path = source.partition(":")
    made = task in TASKS
    found = {one.name: one.content for one in open_source(path if made else source).images()}
    found = _made_anew(found, *TASKS[task]) if made else found
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
    table.to_parquet(folder / "images.parquet")
    assign(
        folder / "images.parquet",
        test_fraction=0.25,
        val_fraction=0.25,
        group_by=None,
        splits=folder / "splits.parquet",
        fractions=folder / "fractions.json",
    )
    return pd.read_parquet(folder / "splits.parquet")


def splits_of(table: pd.DataFrame, folder: Path, transform: Transform) -> tuple[Images, Split]:
    """Decoded images: train and validation, and the test split apart."""
    task = Classification.of(table)
    labels = task.targets(table)
    paths = [folder / "raw" / path for path in table["path"]]
    decoded = pixels(paths, list(table["sha256"]), transform, folder, lambda *_: None)
    made = {}
    for part in ("train", "val", "test"):
        chosen = (table["split"] == part).to_numpy().nonzero()[0]
        made[part] = Split(decoded, chosen, labels[chosen], transform)
    family = augmentations.family(transform.size, horizontal_flip=False)
    images = Images(
        train=made["train"], val=made["val"], task=task, transform=transform, family=family
    )
    return images, made["test"]


def weights_of(source: str, folder: Path) -> tuple[Path, Path]:
    """What `base` makes of a source of weights."""
    pin = start_pin(source, architecture="auto", seed=0, known={})
    files.write_yaml(folder / "start.yaml", pin)
    model, config = folder / "base.safetensors", folder / "base.json"
    take(
        folder / "start.yaml",
        source=source,
        architecture="auto",
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


TASKS: dict[str, tuple[Change, int]] = {"blur": (_blurred, len(LEVELS)), "turn": (_turned, 4)}


def _made_anew(found: Mapping[str, bytes], change: Change, classes: int) -> dict[str, bytes]:
    """The images, each changed in one of the ways; its folder names which."""
    made = {}
    for _, content in sorted(found.items()):
        digest = hashlib.sha256(content).hexdigest()
        way = int(digest, 16) % classes
        image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
        encoded = cv2.imencode(".png", change(image, way))[1]
        made[f"way_{way}/{digest[:24]}.png"] = encoded.tobytes()
    return made
