"""Some of the training images: each class its share, none lost."""

import numpy as np
import pytest

from components.frame.errors import UsageError
from components.training.subset import stratified, subset

TARGETS = np.array([0] * 80 + [1] * 15 + [2] * 4 + [3])


@pytest.mark.parametrize(
    ("number", "expected"), [(4, [1] * 4), (50, [40, 7, 2, 1]), (20, [16, 3, 1, 1])]
)
def test_each_class_keeps_its_share_and_one_image_at_the_least(number, expected):
    """Within one, and exactly as many in all."""
    rows = stratified(TARGETS, number, 0)
    assert len(rows) == len(set(rows)) == number
    assert np.abs(np.bincount(TARGETS[rows]) - expected).max() <= 1
    assert np.bincount(TARGETS[rows]).min() >= 1


def test_a_smaller_one_lies_within_a_larger_one():
    """And another seed draws others."""
    assert set(stratified(TARGETS, 20, 0)) < set(stratified(TARGETS, 50, 0))
    assert set(stratified(TARGETS, 20, 0)) != set(stratified(TARGETS, 20, 1))


@pytest.mark.parametrize(("asked", "number"), [(0.5, 20), (10, 10), (1.0, 40)])
def test_images_are_trained_on_with_their_own_targets(images, asked, number):
    """By fraction or by number; validation keeps all."""
    part = subset(images, asked, 0, "params/search.yaml")
    assert len(part.train) == number
    assert part.val is images.val
    place = dict(zip(images.train.indices.tolist(), images.train.targets.tolist(), strict=True))
    assert [place[one] for one in part.train.indices.tolist()] == part.train.targets.tolist()
    assert (part.train.digest == images.train.digest) is (number == 40)


@pytest.mark.parametrize("asked", [41, 1, 0.01])
def test_more_than_there_are_or_fewer_than_classes_are_refused(images, asked):
    """Never shrunk, never filled up."""
    with pytest.raises(UsageError, match=r"params/train\.yaml: subset must leave from 2 images"):
        subset(images, asked, 0, "params/train.yaml")
