"""The pictures that search and train may see."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from components.data.images.dataset import Side
from components.data.images.pixels import Progress, pixels
from components.data.images.transform import Transform
from components.data.manifest import classes, read_table
from components.frame import files


@dataclass(frozen=True)
class Pictures:
    """The pictures that search and train may see, and how they become batches."""

    train: Side
    val: Side
    classes: tuple[str, ...]
    """In the order of the labels."""
    transform: Transform
    family: dict[str, Any]
    """The augmentation by strength."""


def open_pictures(
    splits: Path, raw: Path, augmentation: Path, cache: Path, progress: Progress
) -> Pictures:
    """Decode the train and validation pictures, or find them decoded in `cache`."""
    table = read_table(splits)
    content = files.read_json(augmentation)
    transform = Transform.from_dict(content["evaluation"])
    names = classes(table)
    seen = table[table["side"] != "test"].reset_index(drop=True)
    paths = [raw / path for path in seen["path"]]
    decoded = pixels(paths, list(seen["sha256"]), transform, cache, progress)
    labels = seen["class"].map({name: index for index, name in enumerate(names)}).to_numpy("int64")
    sides = {
        side: Side(decoded, chosen, labels[chosen], transform)
        for side in ("train", "val")
        for chosen in [np.flatnonzero(seen["side"] == side)]
    }
    return Pictures(sides["train"], sides["val"], tuple(names), transform, content["training"])
