"""What training makes of images: mirrored only where that is allowed, and more with magnitude."""

import cv2
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


def blurred():
    """What lies near is alike, so that images moved further are less like themselves."""
    return cv2.GaussianBlur(draw(1, height=SIZE, width=SIZE), (0, 0), 6)


def unlikeness(**asked):
    """How far images are from what they were, whatever their light; by correlation."""
    augment = load(family(SIZE, **{"rotate": 0.0, "zoom": 0.0} | asked), 1)
    still = blurred()
    made = [augment(still, seed) for seed in range(DRAWS)]
    return np.mean([1 - np.corrcoef(one.ravel(), still.ravel())[0, 1] for one in made])


@pytest.mark.parametrize(
    ("name", "amounts"),
    [
        ("rotate", (5.0, 20.0)),
        ("shift", (0.05, 0.2)),
        ("shear", (3.0, 12.0)),
        ("zoom", (0.1, 0.3)),
    ],
)
def test_each_move_is_made_by_its_name(name, amounts):
    """The more, the more is asked for; light alone leaves images nearly alike."""
    still, some, more = (unlikeness(**{name: amount}) for amount in (0.0, *amounts))
    assert 10 * still < 2 * some < more


def upside_down(image, *, vertical_flip):
    augment = load(family(SIZE, vertical_flip=vertical_flip), 1)
    return sum(mirrored(augment(image, seed).transpose(1, 0, 2)) for seed in range(DRAWS))


def test_images_stand_on_their_heads_where_that_is_allowed():
    """Half of them there, none elsewhere."""
    image = one_sided().transpose(1, 0, 2)
    assert 15 < upside_down(image, vertical_flip=True) < 45
    assert not upside_down(image, vertical_flip=False)


@pytest.mark.parametrize("policy", ["trivial", "rand"])
def test_policies_draw_among_all_their_operations_and_grow_with_the_magnitude(policy):
    """Some images stay as they are, with one operation; equal seeds give equal images."""
    image = draw(1, height=SIZE, width=SIZE)
    changes = []
    for magnitude in MAGNITUDES:
        augment = load(family(SIZE, policy=policy, zoom=0.0), magnitude)
        made = [augment(image, seed) for seed in range(DRAWS)]
        assert all(np.array_equal(one, augment(image, seed)) for seed, one in enumerate(made[:5]))
        changes.append(np.mean([np.abs(one.astype(int) - image).mean() for one in made]))
    assert changes == sorted(set(changes))
    assert len({one.tobytes() for one in made}) > 30
    untouched = sum(np.array_equal(one, image) for one in made)
    assert (0 < untouched < 15) if policy == "trivial" else untouched < 5
    assert made[0].dtype == np.uint8
    assert made[0].shape == (SIZE, SIZE, 3)
