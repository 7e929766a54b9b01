"""The images that search and train may see."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from components.data.images.dataset import Split
from components.data.images.pixels import Progress, pixels
from components.data.images.policy import AugmentationDescription
from components.data.images.transform import Transform
from components.data.manifest import classes, read_table


@dataclass(frozen=True)
class Images:
    """The images that search and train may see, and how they become batches."""

    train: Split
    val: Split
    classes: tuple[str, ...]
    """In the order of the labels."""
    transform: Transform
    family: Mapping[str, Any]
    """The augmentation by magnitude."""


def open_images(
    splits: Path, raw: Path, augmentation: Path, cache: Path, progress: Progress
) -> Images:
    """Decode the train and validation images, or find them decoded in `cache`."""
    table = read_table(splits)
    content = AugmentationDescription.read(augmentation)
    transform = Transform.from_dict(content.evaluation)
    names = classes(table)
    seen = table[table["split"] != "test"].reset_index(drop=True)
    paths = [raw / path for path in seen["path"]]
    decoded = pixels(paths, list(seen["sha256"]), transform, cache, progress)
    labels = seen["class"].map({name: index for index, name in enumerate(names)}).to_numpy("int64")
    parts = {
        split: Split(decoded, chosen, labels[chosen], transform)
        for split in ("train", "val")
        for chosen in [np.flatnonzero(seen["split"] == split)]
    }
    return Images(parts["train"], parts["val"], tuple(names), transform, content.training)
