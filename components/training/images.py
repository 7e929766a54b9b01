"""The images that search and train may see, with the targets of their task."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.data.images.dataset import Split
from components.data.images.pixels import Progress, pixels
from components.data.images.policy import AugmentationDescription
from components.data.images.transform import Transform
from components.data.manifest import GROUP, read_table
from components.frame.errors import UsageError
from components.tasks.registry import task_class
from components.tasks.task import Task


@dataclass(frozen=True, kw_only=True)
class Images:
    """The train and validation images, and how they become batches."""

    train: Split
    val: Split
    task: Task
    transform: Transform
    family: Mapping[str, Any]
    """The augmentation by magnitude."""
    groups: NDArray[Any] | None = None
    """What must stay together, by the place of each image among the pixels; None: each is alone."""


def open_images(
    splits: Path, raw: Path, augmentation: Path, cache: Path, progress: Progress
) -> Images:
    """Decode the train and validation images, or find them decoded in `cache`."""
    table = read_table(splits)
    described = AugmentationDescription.read(augmentation)
    transform = Transform.from_dict(described.evaluation)
    task = task_class(described.task).of(table)
    seen = table[table["split"] != "test"].reset_index(drop=True)
    paths = [raw / path for path in seen["path"]]
    decoded = pixels(paths, list(seen["sha256"]), transform, cache, progress)
    targets = task.targets(seen)
    parts = {
        name: Split(decoded, chosen, targets[chosen], transform)
        for name in ("train", "val")
        for chosen in [np.flatnonzero(seen["split"] == name)]
    }
    return Images(
        **parts,
        task=task,
        transform=transform,
        family=described.training,
        groups=seen[GROUP].to_numpy() if GROUP in seen else None,
    )


def check_batch_size(batch_size: int, images: Images, where: str) -> None:
    """See that there is at least one whole batch.

    Raises:
        UsageError: there are fewer images to train on.
    """
    if batch_size > len(images.train):
        raise UsageError(
            f"{where}: batch_size must be at most the number of images to train on, "
            f"{len(images.train)}, but is {batch_size}."
        )
