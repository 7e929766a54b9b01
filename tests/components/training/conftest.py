"""What fits of these tests train on."""

import pytest
import trainable

from components.training.feed import ImageFeed

images, pretrained, champion = trainable.images, trainable.pretrained, trainable.champion


@pytest.fixture
def feed_of():
    """Batches of eight images."""
    return lambda seen: ImageFeed(images=seen, batch_size=8, magnitude=1, seed=0, workers=0)
