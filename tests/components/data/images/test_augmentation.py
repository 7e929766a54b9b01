"""What training makes of images: mirrored only where that is allowed, and more with magnitude."""

import numpy as np
import pytest
from samples import draw

from components.data.images.augmentation import MAGNITUDES, family, load

SIZE = 48
DRAWS = 60


def one_sided():
    """Light grows from left to right."""
    ramp = np.linspace(0, 255, SIZE).astype(np.uint8)
    return np.broadcast_to(ramp[None, :, None], (SIZE, SIZE, 3)).copy()


def drawn(image, magnitude, *, horizontal_flip=False):
    augment = load(family(SIZE, horizontal_flip=horizontal_flip), magnitude)
    return [augment(image, seed) for seed in range(DRAWS)]


def mirrored(image):
    return bool(image[:, : SIZE // 2].mean() > image[:, SIZE // 2 :].mean())


@pytest.mark.parametrize("magnitude", MAGNITUDES[1:])
def test_mirroring_mirrors_half_of_the_images_where_it_is_allowed(magnitude):
    """Left becomes right, at every magnitude."""
    turned = [mirrored(one) for one in drawn(one_sided(), magnitude, horizontal_flip=True)]
    assert 15 < sum(turned) < 45


@pytest.mark.parametrize("magnitude", MAGNITUDES)
def test_nothing_is_mirrored_where_it_is_not_allowed(magnitude):
    """A mirrored digit, letter or hand is another one."""
    assert not any(mirrored(one) for one in drawn(one_sided(), magnitude))


def test_magnitude_0_is_the_evaluation_transform_s_own_crop():
    """Not even mirrored."""
    image = draw(1, height=SIZE + 20, width=SIZE)
    for one in drawn(image, 0, horizontal_flip=True):
        assert np.array_equal(one, image[10 : 10 + SIZE])


def test_more_magnitude_changes_more():
    """Crop, turn and light alike: the images lie further from what they were."""
    changes = [
        np.mean([np.abs(one.astype(int) - one_sided()).mean() for one in drawn(one_sided(), m)])
        for m in MAGNITUDES
    ]
    assert changes == sorted(changes)
    assert changes[0] == 0
    assert changes[3] > 1.5 * changes[1] > 0


@pytest.mark.parametrize(
    ("step", "range_"),
    [
        ("Affine", "rotate"),
        ("RandomResizedCrop", "scale"),
        ("RandomBrightnessContrast", "brightness_limit"),
        ("RandomBrightnessContrast", "contrast_limit"),
    ],
)
def test_each_step_grows_by_itself(step, range_):
    """None stays behind while the others grow."""
    widths = []
    for magnitude in MAGNITUDES[1:]:
        steps = family(SIZE, horizontal_flip=False)[str(magnitude)]["transform"]["transforms"]
        (low, high), *_ = [s[range_] for s in steps if s["__class_fullname__"].endswith(step)]
        widths.append(high - low)
    assert widths == sorted({*widths})
