"""Pictures as a fit reads them: decoded once, augmented anew for each epoch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from components.data.images import augmentation as augmentations
from components.data.images.dataset import Batch
from components.data.images.pictures import Pictures
from components.features.activations import Features
from components.frame.errors import UsageError
from components.frame.seeds import derived_seed


@dataclass(frozen=True)
class PictureFeed:
    """Batches of pictures for a fit."""

    pictures: Pictures
    batch_size: int
    strength: int
    """Of the augmentation."""
    seed: int
    """Of the order of the pictures and, without views, of their augmentation."""
    workers: int
    views: "Views | None" = None
    """Where given, epochs take turns with these instead of drawing anew."""
    mixup: float = 0.0
    """Blends pairs of pictures and their labels (Zhang et al., 2018); 0.0: none are."""

    def training(self, epoch: int) -> Iterator[Batch]:
        """The augmented batches of an epoch; where they are blended, labels are shares (n, c)."""
        augment = augmentations.load(self.pictures.family, self.strength)
        batches = self.pictures.train.augmented(
            augment, self.batch_size, seed=self.seed, epoch=epoch, workers=self.workers,
            view=self.views.of(epoch) if self.views else None,
        )  # fmt: skip
        return self._blended(batches, epoch) if self.mixup else batches

    def _blended(self, batches: Iterator[Batch], epoch: int) -> Iterator[Batch]:
        from torchvision.transforms.v2 import MixUp

        blend = MixUp(alpha=self.mixup, num_classes=len(self.pictures.classes))
        for step, batch in enumerate(batches):
            with torch.random.fork_rng(devices=[]):  # it draws from torch's global state
                torch.manual_seed(derived_seed(self.seed, epoch, step))
                inputs, shares = blend(*batch)
            yield inputs, shares

    def steps(self) -> int:
        """Batches an epoch."""
        return self.pictures.train.steps(self.batch_size)

    def validation(self) -> Iterator[Batch]:
        """All validation pictures, by the evaluation transform."""
        return self.pictures.val.batches(self.batch_size, workers=self.workers)


@dataclass(frozen=True)
class Views:
    """A few augmented versions of every picture, which fits share."""

    count: int
    seed: int

    def of(self, epoch: int) -> tuple[int, int]:
        """The seed and number of the view that an epoch, from 1, sees."""
        return self.seed, (epoch - 1) % self.count


@dataclass(frozen=True)
class FeatureFeed:
    """Batches of kept activations for a fit whose first layers are frozen.

    Equal seeds and views give the batches that a `PictureFeed` gives, run through those layers.
    """

    pictures: Pictures
    batch_size: int
    seed: int
    train: Sequence[Features]
    """By view."""
    val: Features

    def training(self, epoch: int) -> Iterator[Batch]:
        """The batches of an epoch."""
        side, features = self.pictures.train, self.train[(epoch - 1) % len(self.train)]
        order = side.order(self.batch_size, seed=self.seed, epoch=epoch)
        for start in range(0, len(order), self.batch_size):
            rows = order[start : start + self.batch_size]
            yield features[rows], torch.from_numpy(side.labels[rows])

    def steps(self) -> int:
        """Batches an epoch."""
        return self.pictures.train.steps(self.batch_size)

    def validation(self) -> Iterator[Batch]:
        """All validation pictures."""
        labels = self.pictures.val.labels
        for start in range(0, len(labels), self.batch_size):
            rows = slice(start, start + self.batch_size)
            yield self.val[rows], torch.from_numpy(labels[rows])


def check_batch_size(batch_size: int, pictures: Pictures, where: str) -> None:
    """See that there is at least one whole batch.

    Raises:
        UsageError: there are fewer pictures to train on.
    """
    if batch_size > len(pictures.train):
        raise UsageError(
            f"{where}: batch_size has to be at most the number of pictures to train on, "
            f"{len(pictures.train)}, but is {batch_size}."
        )
