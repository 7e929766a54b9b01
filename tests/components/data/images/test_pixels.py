"""Decoded images are kept whole or not at all."""

import pytest
from samples import draw, encode

from components.data.images.pixels import pixels
from components.data.images.transform import Transform


def test_what_a_killed_filling_left_is_done_again_and_gone(tmp_path):
    """Nothing half done is read, and nothing of it stays."""
    path = tmp_path / "0.png"
    path.write_bytes(encode(draw(0)))
    shrink = Transform(size=8, resize=8, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))

    def stop(*_):
        raise KeyboardInterrupt

    whole = pixels([path], ["0"], shrink, tmp_path / "whole", lambda *_: None)
    with pytest.raises(KeyboardInterrupt):
        pixels([path], ["0"], shrink, tmp_path / "cut", stop)
    left = tmp_path / "cut" / "pixels" / ".filling-abcdefgh"
    left.mkdir()  # as a kill leaves it
    (left / "values.bin").write_bytes(b"half")
    again = pixels([path], ["0"], shrink, tmp_path / "cut", lambda *_: None)
    assert (again[0] == whole[0]).all()
    assert [one.name for one in left.parent.iterdir()] == [whole.key]
