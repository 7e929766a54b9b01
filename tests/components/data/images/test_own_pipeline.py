"""A person's own pipeline: used as it is, and only what albumentations itself brings."""

import json

import albumentations
import numpy as np
import pytest
from samples import draw

from components.data.images.augmentation import family, load
from components.data.images.pipeline_pin import pipeline_pin
from components.frame.errors import DataError, UsageError

SIZE = 48


def saved(path, *steps):
    pipeline = albumentations.Compose(list(steps))
    kind = "json" if path.suffix == ".json" else "yaml"
    albumentations.save(pipeline, path, data_format=kind)
    return pipeline_pin(str(path))["pipeline"]


def made(pipeline, magnitude=1, **asked):
    found = family(SIZE, policy="file", pipeline=pipeline, zoom=0.0, **asked)
    return load(json.loads(json.dumps(found)), magnitude)


@pytest.mark.parametrize("name", ["mine.json", "mine.yaml"])
def test_a_pipeline_that_albumentations_saved_is_applied_after_the_crop(tmp_path, name):
    """In both of its formats, at every magnitude alike; magnitude 0 is the crop alone."""
    steps = [albumentations.VerticalFlip(p=1.0), albumentations.InvertImg(p=1.0)]
    pipeline, image = saved(tmp_path / name, *steps), draw(1, height=SIZE + 20, width=SIZE)
    crop = image[10 : 10 + SIZE]
    for magnitude in (1, 2, 3):
        assert np.array_equal(made(pipeline, magnitude)(image, 0), 255 - crop[::-1])
    assert np.array_equal(made(pipeline, 0)(image, 0), crop)


def test_the_seed_decides_what_is_drawn(tmp_path):
    """As for the policies that have a name."""
    pipeline = saved(tmp_path / "mine.json", albumentations.GaussNoise(p=1.0))
    augment, image = made(pipeline), draw(1, height=SIZE, width=SIZE)
    assert np.array_equal(augment(image, 3), augment(image, 3))
    assert not np.array_equal(augment(image, 3), augment(image, 4))


def of(name, **arguments):
    inner = {"__class_fullname__": name, "p": 1.0, **arguments}
    outer = {"__class_fullname__": "OneOf", "p": 1.0, "transforms": [inner]}
    return {"transform": {"__class_fullname__": "Compose", "p": 1.0, "transforms": [outer]}}


@pytest.mark.parametrize(
    ("pipeline", "said"),
    [
        (of("HorizontalFlipp"), r"'HorizontalFlipp' is none.*Near are: HorizontalFlip"),
        (of("os.system"), "'os.system' is none that can be read from a file"),
        (of("albumentations.core.Lambda", __name__="x"), r"Lambda' is none that can be read"),
        (of("Lambda", __name__="x"), "'Lambda' is none that can be read"),
        (of("Normalize"), r"images of float32 and shape \(48, 48, 3\) come out"),
        (of("Resize", height=20, width=20), r"uint8 and shape \(20, 20, 3\) come out"),
        (of("GaussNoise", lies=3), "lies"),
        (of("GaussNoise", std_range="wide"), "a pipeline must work on one image"),
        (of("Mosaic"), "a pipeline must work on one image"),
        ({"transform": {"p": 1.0}}, "a pipeline must work on one image"),
    ],
)
def test_what_cannot_be_used_is_refused_in_a_sentence(pipeline, said):
    """A class of one's own, a function, another kind of image, an argument that is none."""
    with pytest.raises(DataError, match=said):
        made(pipeline)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("mine.json", "{", "must be valid JSON"),
        ("mine.json", "[" * 40_000, "must be valid JSON"),
        ("mine.yaml", "a: [", "must be valid YAML"),
        ("mine.yaml", "just words", "must hold `transform`"),
        ("mine.json", '{"transform": 3}', "must hold `transform`"),
        ("mine.yaml", "!!python/object/apply:os.system [ls]", "must be valid YAML"),
        ("mine.json", " " * (2**16 + 1), "of up to 65,536 bytes"),
    ],
)
def test_a_file_that_holds_none_is_refused(tmp_path, name, text, said):
    """And nothing that it says is carried out."""
    (tmp_path / name).write_text(text)
    with pytest.raises((DataError, UsageError), match=said):
        pipeline_pin(str(tmp_path / name))


def test_a_file_that_is_not_there_is_refused(tmp_path):
    """As a misspelt policy is."""
    with pytest.raises(UsageError, match="light, trivial, rand or a file, but there is none"):
        pipeline_pin("lite")
