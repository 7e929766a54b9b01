"""Images as a fit reads them: decoded once, augmented anew for each epoch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from components.data.batch import Batch
from components.data.images import augmentation
from components.data.images.dataset import steps
from components.features.activations import Features
from components.tasks.task import Array
from components.training.images import Images
from components.training.samplers import PLAIN, Rows, Sampling


@dataclass(frozen=True)
class Fold:
    """Some of the images of both splits to train on, and others to validate on."""

    train: Rows
    val: Rows


@dataclass(frozen=True, kw_only=True)
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
    sampling: Sampling = PLAIN
    fold: Fold | None = None
    """Which of the images; None: all of each split."""

    def training(self, epoch: int) -> Iterator[Batch]:
        """The augmented batches of an epoch."""
        return self.images.train.augmented(
            augmentation.load(self.images.family, self.magnitude),
            _order(self, epoch),
            self.batch_size,
            seed=self.seed,
            epoch=epoch,
            workers=self.workers,
            view=self.views.of(epoch) if self.views else None,
        )

    @property
    def targets(self) -> Array:
        """Those of all images that are trained on."""
        return _targets(self.images, self.fold)

    def steps(self) -> int:
        """Batches an epoch."""
        return steps(len(self.targets), self.batch_size)

    def validation(self) -> Iterator[Batch]:
        """All validation images, by the evaluation transform."""
        rows = self.fold.val if self.fold else None
        return self.images.val.batches(self.batch_size, workers=self.workers, rows=rows)


@dataclass(frozen=True)
class Views:
    """A few augmented versions of every image, which fits share."""

    count: int
    seed: int

    def of(self, epoch: int) -> tuple[int, int]:
        """The seed and number of the view that an epoch, from 1, sees."""
        return self.seed, (epoch - 1) % self.count


@dataclass(frozen=True, kw_only=True)
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
    sampling: Sampling = PLAIN
    fold: Fold | None = None
    """Which of the images; None: all of each split."""

    def training(self, epoch: int) -> Iterator[Batch]:
        """The batches of an epoch."""
        split, features = self.images.train, self.train[(epoch - 1) % len(self.train)]
        order = _order(self, epoch)
        for start in range(0, len(order), self.batch_size):
            rows = order[start : start + self.batch_size]
            yield Batch(features[rows], torch.from_numpy(split.targets[rows]))

    @property
    def targets(self) -> Array:
        """Those of all images that are trained on."""
        return _targets(self.images, self.fold)

    def steps(self) -> int:
        """Batches an epoch."""
        return steps(len(self.targets), self.batch_size)

    def validation(self) -> Iterator[Batch]:
        """All validation images."""
        targets = self.images.val.targets
        chosen = self.fold.val if self.fold else np.arange(len(targets))
        for start in range(0, len(chosen), self.batch_size):
            rows = chosen[start : start + self.batch_size]
            yield Batch(self.val[rows], torch.from_numpy(targets[rows]))


def _targets(images: Images, fold: Fold | None) -> Array:
    return images.train.targets[fold.train] if fold else images.train.targets


def _order(feed: ImageFeed | FeatureFeed, epoch: int) -> Rows:
    """The rows of the images that an epoch trains on, in its order."""
    sampling, size = feed.sampling, feed.batch_size
    order = sampling.rows(feed.targets, size, seed=feed.seed, epoch=epoch)
    return feed.fold.train[order] if feed.fold else order
