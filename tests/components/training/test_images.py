"""What search and train open: the train and the validation images, each in its place alone."""

import numpy as np
import pandas as pd
import pytest
from samples import draw, encode

from components.data.images import augmentation
from components.data.images.policy import AugmentationDescription
from components.data.images.transform import Transform
from components.data.manifest import write_table
from components.frame import files
from components.training.images import open_images

SIZE = 24
SPLITS = {"train": 6, "val": 4, "test": 5}
"""Images a class."""
CLASSES = ("cat", "dog")


@pytest.fixture
def opened(tmp_path):
    """Images of three splits, of which those of `test` are no files; as they are opened."""
    rows = [
        {"path": f"{name}/{split}-{number}.png", "class": name, "split": split}
        for name in CLASSES
        for split, count in SPLITS.items()
        for number in range(count)
    ]
    table = pd.DataFrame(rows).sort_values("path", ignore_index=True)
    table["sha256"] = [str(number) for number in range(len(table))]
    for number, row in table.iterrows():
        if row["split"] != "test":
            files.write_bytes(tmp_path / "raw" / row["path"], encode(draw(number)))
    write_table(tmp_path / "splits.parquet", table)
    transform = Transform(size=SIZE, resize=SIZE, mean=(0.1, 0.2, 0.3), std=(0.4, 0.5, 0.6))
    AugmentationDescription(
        task="classification",
        evaluation=transform.to_dict(),
        training=augmentation.family(SIZE, horizontal_flip=False),
        mirrored=False,
        mirroring="",
    ).write(tmp_path / "augmentation.json")
    images = open_images(
        tmp_path / "splits.parquet",
        tmp_path / "raw",
        tmp_path / "augmentation.json",
        tmp_path / "cache",
        lambda *_: None,
    )
    return table, images


def expected(table, split):
    """The normalised images of a split, and the numbers of their classes."""
    rows = table[table["split"] == split]
    drawn = np.stack([draw(number)[..., ::-1] for number in rows.index])
    pixels = (drawn / 255 - [0.1, 0.2, 0.3]) / [0.4, 0.5, 0.6]
    return pixels.transpose(0, 3, 1, 2), [CLASSES.index(name) for name in rows["class"]]


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_split_holds_its_own_images_and_no_other(opened, split):
    """Pixel by pixel, each with its own class: none of another split, and none of `test`."""
    table, images = opened
    (batch,) = getattr(images, split).batches(100)
    pixels, classes = expected(table, split)
    assert batch.inputs.shape == pixels.shape
    assert np.allclose(batch.inputs, pixels, atol=1e-5)
    assert batch.targets.tolist() == classes


def test_a_test_image_is_never_read(opened):
    """There is no file behind any; what was decoded is as many as there are others."""
    table, images = opened
    assert len(images.train.pixels) == len(images.val.pixels) == (table["split"] != "test").sum()
