"""From a decoded image to the network's input, by formulas written here a second time."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from samples import draw

from components.data.images.transform import MAX_ASPECT, Transform

MEAN, STD = (0.1, 0.4, 0.7), (0.2, 0.3, 0.25)
"""All six differ, so that none can stand in for another."""
TRANSFORM = Transform(24, 24, MEAN, STD)


def test_the_mean_is_taken_off_and_the_rest_divided_by_the_deviation():
    """Of each colour its own, colours first: (value / 255 - mean) / std."""
    batch = np.stack([draw(1), draw(2)])
    expected = np.stack([(batch[..., c] / 255 - MEAN[c]) / STD[c] for c in range(3)], axis=1)
    given = TRANSFORM.normalise(batch)
    assert given.dtype == np.float32
    assert given == pytest.approx(expected, abs=1e-5)


def test_a_colour_at_its_mean_is_zero_and_one_deviation_above_is_one():
    """The two numbers have their own places, in a file that is read back too."""
    back = Transform.from_dict(TRANSFORM.to_dict())
    image = np.empty((24, 24, 3), np.uint8)
    for factor in (0, 1):
        image[:] = [round(255 * (m + factor * s)) for m, s in zip(MEAN, STD, strict=True)]
        assert back(image) == pytest.approx(np.full((1, 3, 24, 24), factor), abs=0.02)


def test_the_central_square_of_the_short_side_is_seen():
    """Upright and lying alike; the ends are lost on both sides equally."""
    image = draw(1, height=24, width=40)
    assert np.array_equal(TRANSFORM.crop(TRANSFORM.shrink(image)), image[:, 8:32])
    upright = image.swapaxes(0, 1).copy()
    assert np.array_equal(TRANSFORM.crop(TRANSFORM.shrink(upright)), upright[8:32])


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (5000, 1), (7, 3), (25, 24)])
def test_any_shape_becomes_the_square(shape):
    """However long: what is kept of it is bounded, and the network's input has one shape."""
    shrunk = TRANSFORM.shrink(draw(1, height=shape[0], width=shape[1]))
    assert min(shrunk.shape[:2]) == 24
    assert max(shrunk.shape[:2]) <= 24 * MAX_ASPECT
    assert TRANSFORM.crop(shrunk).shape == (24, 24, 3)


def seen(views):
    """What a trained network sees of an image, and the image's central square."""
    transform, image = replace(TRANSFORM, views=views), draw(1, height=24, width=40)
    return transform(image), TRANSFORM(image)[0]


def test_one_view_is_the_central_square():
    """And no word of it is written: documents from before there were more are read."""
    given, square = seen(1)
    assert np.array_equal(given, square[None])
    assert set(TRANSFORM.to_dict()) == {"size", "resize", "mean", "std"}
    assert Transform.from_dict(TRANSFORM.to_dict()).views == 1


def test_two_views_are_the_square_and_its_mirror_image():
    """Left and right change places, colours do not."""
    given, square = seen(2)
    assert np.array_equal(given, np.stack([square, square[:, :, ::-1]]))


def test_four_views_are_the_corners_of_the_square_enlarged_by_an_eighth():
    """256 of 224 pixels, as in Krizhevsky et al."""
    given, _ = seen(4)
    square = TRANSFORM.crop(TRANSFORM.shrink(draw(1, height=24, width=40)))
    large = cv2.resize(square, (27, 27), interpolation=cv2.INTER_CUBIC)
    corners = [large[:24, :24], large[:24, 3:], large[3:, :24], large[3:, 3:]]
    assert np.array_equal(given, TRANSFORM.normalise(np.stack(corners)))


@pytest.mark.parametrize("views", [2, 4])
def test_views_are_written_and_read_back(views):
    """With all else that makes an image the network's input."""
    transform = replace(TRANSFORM, views=views)
    assert Transform.from_dict(transform.to_dict()) == transform
