"""What a decoded image holds."""

import numpy as np
import pytest
from samples import draw

from components.data.images.content import content


def flat(*colour, height=9, width=8):
    return np.full((height, width, 3), colour, dtype=np.uint8)


def test_equal_pixels_have_one_digest_and_others_another():
    """One pixel, one row less or another shape of the same bytes is another image."""
    image = draw(1)
    other = image.copy()
    other[3, 4, 1] ^= 1
    digests = [content(one).digest for one in (image, other, image[1:], image.reshape(12, 48, 3))]
    assert len({*digests}) == 4
    assert content(image.swapaxes(0, 1).copy().swapaxes(0, 1)).digest == digests[0]


@pytest.mark.parametrize("colour", [(0, 0, 0), (252, 252, 252), (200, 10, 60)])
def test_one_colour_is_blank_also_with_what_jpeg_adds(colour):
    """Two levels more or less of 255 are nothing; three in a single place are something."""
    image = flat(*colour)
    assert content(image).blank
    image[2, 3] = [value + 2 for value in colour]
    assert content(image).blank
    image[5, 5, 2] = colour[2] + 3
    assert not content(image).blank


def test_levels_are_those_of_the_richest_colour():
    """A red drawing on black has two, whatever the other colours do."""
    image = flat(0, 7, 0)
    image[3:5, 2] = (255, 7, 0)
    assert content(image).levels == 2
    image[0, :6, 2] = range(6)
    assert content(image).levels == 6
