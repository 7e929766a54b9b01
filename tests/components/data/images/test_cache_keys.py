"""What names decoded images and a split of them: all that their bits depend on, and no more."""

from dataclasses import replace

import numpy as np
import pytest
from samples import draw, encode

from components.data.images.dataset import Split
from components.data.images.pixels import pixels
from components.data.images.transform import Transform
from components.frame import files

TRANSFORM = Transform(size=16, resize=20, mean=(0.1, 0.2, 0.3), std=(0.4, 0.5, 0.6))


@pytest.fixture
def decode(tmp_path):
    """Two images, decoded from a cache that later calls find again."""
    paths = [tmp_path / f"{number}.png" for number in range(2)]
    for number, path in enumerate(paths):
        path.write_bytes(encode(draw(number)))

    def run(transform=TRANSFORM, digests=("0", "1")):
        return pixels(paths, digests, transform, tmp_path / "cache", lambda *_: None)

    return run


def test_decoded_images_are_found_again_by_content_and_size(decode):
    """Another content, order or short side is another entry; where it is cropped is not."""
    same = decode()
    assert decode(replace(TRANSFORM, size=12, mean=(0.0, 0.0, 0.0))).key == same.key
    others = [
        decode(digests=("0", "2")),
        decode(digests=("1", "0")),
        decode(replace(TRANSFORM, resize=18)),
    ]
    assert len({one.key for one in (same, *others)}) == 4
    assert others[-1][0].shape == (18, 18, 3)


def test_decoded_images_are_made_anew_where_the_code_that_decodes_changed(decode, monkeypatch):
    """What an earlier version made of an image is never taken for this one's."""
    before = decode().key
    monkeypatch.setattr(files, "sha256", lambda path: f"other {path.name}")
    assert decode().key != before


def test_a_split_is_named_by_its_images_and_all_of_the_transform(decode):
    """Which is what the kept activations of frozen layers depend on."""
    split = Split(decode(), np.array([0, 1]), np.array([0, 1]), TRANSFORM)
    others = [
        replace(split, indices=np.array([1, 0])),
        replace(split, indices=np.array([0])),
        replace(split, pixels=decode(digests=("0", "2"))),
        replace(split, transform=replace(TRANSFORM, mean=(0.0, 0.0, 0.0))),
        replace(split, transform=replace(TRANSFORM, size=12)),
    ]
    assert replace(split, targets=np.array([1, 0])).digest == split.digest
    assert len({one.digest for one in (split, *others)}) == 6
