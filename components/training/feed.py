"""Images as a fit reads them: decoded once, augmented anew for each epoch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from components.data.images import augmentation as augmentations
from components.data.images.dataset import Batch
from components.data.images.pictures import Images
from components.features.activations import Features
from components.frame.errors import UsageError
from components.frame.seeds import derived_seed


@dataclass(frozen=True)
class ImageFeed:
    """Batches of images for a fit."""

    images: Images
    batch_size: int
    magnitude: int
    """Of the augmentation."""
    seed: int
    """Of the order of the images and, without views, of their augmentation."""
    workers: int
    views: "Views | None" = None
    """Where given, epochs take turns with these instead of drawing anew."""
    mixup: float = 0.0
    """Blends pairs of images and their labels (Zhang et al., 2018); 0.0: none are."""

    def training(self, epoch: int) -> Iterator[Batch]:
        """The augmented batches of an epoch; blended ones have labels of probabilities (n, c)."""
        augment = augmentations.load(self.images.family, self.magnitude)
        batches = self.images.train.augmented(
            augment, self.batch_size, seed=self.seed, epoch=epoch, workers=self.workers,
            view=self.views.of(epoch) if self.views else None,
        )  # fmt: skip
        return self._blended(batches, epoch) if self.mixup else batches

    def _blended(self, batches: Iterator[Batch], epoch: int) -> Iterator[Batch]:
        from torchvision.transforms.v2 import MixUp

        blend = MixUp(alpha=self.mixup, num_classes=len(self.images.classes))
        for step, batch in enumerate(batches):
            with torch.random.fork_rng(devices=[]):  # it draws from torch's global state
                torch.manual_seed(derived_seed(self.seed, epoch, step))
                inputs, probabilities = blend(*batch)
            yield inputs, probabilities

    def steps(self) -> int:
        """Batches an epoch."""
        return self.images.train.steps(self.batch_size)

    def validation(self) -> Iterator[Batch]:
        """All validation images, by the evaluation transform."""
        return self.images.val.batches(self.batch_size, workers=self.workers)


@dataclass(frozen=True)
class Views:
    """A few augmented versions of every image, which fits share."""

    count: int
    seed: int

    def of(self, epoch: int) -> tuple[int, int]:
        """The seed and number of the view that an epoch, from 1, sees."""
        return self.seed, (epoch - 1) % self.count


@dataclass(frozen=True)
class FeatureFeed:
    """Batches of kept activations for a fit whose first layers are frozen.

    Equal seeds and views give the batches that an `ImageFeed` gives, run through those layers.
    """

    images: Images
    batch_size: int
    seed: int
    train: Sequence[Features]
    """By view."""
    val: Features

    def training(self, epoch: int) -> Iterator[Batch]:
        """The batches of an epoch."""
        split, features = self.images.train, self.train[(epoch - 1) % len(self.train)]
        order = split.order(self.batch_size, seed=self.seed, epoch=epoch)
        for start in range(0, len(order), self.batch_size):
            rows = order[start : start + self.batch_size]
            yield features[rows], torch.from_numpy(split.labels[rows])

    def steps(self) -> int:
        """Batches an epoch."""
        return self.images.train.steps(self.batch_size)

    def validation(self) -> Iterator[Batch]:
        """All validation images."""
        labels = self.images.val.labels
        for start in range(0, len(labels), self.batch_size):
            rows = slice(start, start + self.batch_size)
            yield self.val[rows], torch.from_numpy(labels[rows])


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
