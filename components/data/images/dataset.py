"""A split as batches for the network."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from components.data.batch import Batch
from components.data.images.augmentation import Augmentation
from components.data.images.pixels import Pixels
from components.data.images.transform import Transform
from components.frame import files
from components.frame.errors import UnreachableError
from components.frame.seeds import derived_seed

Item = tuple[NDArray[np.uint8], Any]
"""An image (size, size, 3) and its target."""


@dataclass(frozen=True)
class Split:
    """Decoded images of one split with their targets."""

    pixels: Pixels
    indices: NDArray[np.integer[Any]]
    """Which of the pixels belong to this split."""
    targets: NDArray[Any]
    """Of each, as the loss takes them, shape (images, ...)."""
    transform: Transform

    @property
    def digest(self) -> str:
        """Names the images in their order and how they become the network's input."""
        content = [self.pixels.key, self.indices.tolist(), self.transform.to_dict()]
        return hashlib.sha256(files.canonical(content)).hexdigest()

    def __len__(self) -> int:
        """How many images this split has."""
        return len(self.indices)

    def batches(
        self,
        size: int,
        *,
        workers: int = 0,
        rows: NDArray[np.int64] | None = None,
        mirrored: bool = False,
    ) -> Iterator[Batch]:
        """These rows in order, or all, by the evaluation transform; or their mirror images."""
        chosen = range(len(self)) if rows is None else rows.tolist()
        yield from self._load(_Evaluated(self, mirrored=mirrored), chosen, size, workers)

    def augmented(
        self,
        augmentation: Augmentation,
        rows: NDArray[np.int64],
        size: int,
        *,
        seed: int,
        epoch: int,
        workers: int = 0,
        view: tuple[int, int] | None = None,
    ) -> Iterator[Batch]:
        """One epoch of these rows in batches of this size, augmented.

        Each image's augmentation depends on seed, epoch, image and how often it was drawn before
        in the epoch alone, so neither the number of workers nor a kill and resume changes it. With
        `view`, another seed and a number, it depends on those and the image instead: epochs and
        fits can share it.
        """
        images = _Augmented(self, augmentation, *(view or (seed, epoch)))
        repeats = np.zeros_like(rows) if view else _repeats(rows)
        drawn = list(zip(rows.tolist(), repeats.tolist(), strict=True))
        yield from self._load(images, drawn, size, workers)

    def view(
        self, augmentation: Augmentation, size: int, view: tuple[int, int], *, workers: int = 0
    ) -> Iterator[Batch]:
        """All images in order, each augmented as `augmented` does it with this `view`."""
        images = _Augmented(self, augmentation, *view)
        yield from self._load(images, [(row, 0) for row in range(len(self))], size, workers)

    def steps(self, size: int) -> int:
        """Whole batches of an epoch."""
        return steps(len(self), size)

    def _load(
        self, images: Dataset[Item], drawn: Sequence[Any], size: int, workers: int
    ) -> Iterator[Batch]:
        loader = DataLoader(
            images,
            batch_size=size,
            sampler=drawn,
            num_workers=workers,
            collate_fn=self._collate,
            generator=torch.Generator(),  # torch's own would leave less for dropout to draw from
        )
        try:
            yield from loader
        except RuntimeError as error:
            if dead := _dead_worker(error, workers):
                raise dead from error
            raise

    def _collate(self, items: list[Item]) -> Batch:
        images = np.stack([image for image, _ in items])
        targets = np.stack([target for _, target in items])
        normalised = self.transform.normalise(images)
        return Batch(torch.from_numpy(normalised), torch.from_numpy(targets))


def steps(images: int, size: int) -> int:
    """Whole batches of this size that so many images make; one of fewer where there are none."""
    return max(1, images // size)


class _Evaluated(Dataset[Item]):
    def __init__(self, split: Split, *, mirrored: bool) -> None:
        self.split, self.mirrored = split, mirrored

    def __getitem__(self, index: int) -> Item:
        split = self.split
        image = split.transform.crop(split.pixels[int(split.indices[index])])
        return image[:, ::-1] if self.mirrored else image, split.targets[index]


class _Augmented(Dataset[Item]):
    def __init__(self, split: Split, augmentation: Augmentation, seed: int, epoch: int) -> None:
        self.split, self.augmentation, self.seed, self.epoch = split, augmentation, seed, epoch

    def __getitem__(self, drawn: tuple[int, int]) -> Item:
        split, (index, repeat) = self.split, drawn
        image = split.pixels[int(split.indices[index])]
        seed = derived_seed(self.seed, self.epoch, index, *([repeat] if repeat else []))
        return self.augmentation(image, seed), split.targets[index]


def _repeats(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """How often each row stands before, in the order of the rows."""
    before: dict[int, int] = {}
    repeats = np.empty_like(rows)
    for place, row in enumerate(rows.tolist()):
        repeats[place] = before[row] = before.get(row, -1) + 1
    return repeats


def _dead_worker(error: RuntimeError, workers: int) -> UnreachableError | None:
    """The fault for a person where a process that prepares images has died."""
    if "DataLoader worker" not in str(error):
        return None
    return UnreachableError(
        f"The {workers} processes that prepare images must live on, but one has died: "
        f"{str(error).splitlines()[0]} Memory may have run out. Run again: what was finished is "
        "kept; or lower `workers` or `batch_size`."
    )
