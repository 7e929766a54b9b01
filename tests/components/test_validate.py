"""Which pictures are trusted, and when there are too few of them."""

import struct
import zlib

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from samples import draw, encode

from components.data.images import decoder
from components.data.images.decoder import UnreadablePictureError


def png_header(width, height):
    """A PNG that says how large it is and holds next to nothing."""

    def chunk(kind, content):
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(b"\0" * 100)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


BROKEN = {
    "empty.jpg": (b"", "empty"),
    "half.jpg": (encode(draw(1, height=90), ".jpg")[:2000], "damaged"),
    "html.jpg": (b"<html><body>404</body></html>", "no-picture"),
    "random.png": (np.random.default_rng(0).bytes(5000), "no-picture"),
    "bomb.png": (png_header(20_000, 20_000), "too-large"),
    "hundred.png": (png_header(10_000, 10_000), "too-large"),
    "liar.png": (png_header(60_000, 60_000), "too-large"),
    "drawing.png": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "no-picture"),
    "paper.jpg": (b"%PDF-1.7\n%%EOF\n", "no-picture"),
    "print.png": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n", "no-picture"),
    "flipped.png": (bytearray(encode(draw(2))), "damaged"),
    "cut.png": (encode(draw(3))[:700], "damaged"),
}
BROKEN["flipped.png"][0][900] ^= 0xFF


@pytest.mark.parametrize("name", BROKEN)
def test_broken_picture_is_refused_with_its_reason(name):
    """FAULTS 1, 2, 5-8, 18, 19, 22: fully decoded, and by content, not by name."""
    content, reason = BROKEN[name]
    with pytest.raises(UnreadablePictureError) as caught:
        decoder.decode(bytes(content))
    assert caught.value.reason == reason


def test_broken_pictures_are_left_out_listed_and_counted(place, pictures):
    """The run goes on without them while they are few enough."""
    for name, (content, _) in BROKEN.items():
        (pictures / "cat" / name).write_bytes(bytes(content))
    place.source(pictures)
    place.change("validate", max_bad_fraction=0.5)
    assert place.upto("ingest", "validate").code == 0
    listed = pd.read_csv(place.root / "build/validate/quarantine.csv")
    assert dict(zip(listed["path"], listed["reason"], strict=True)) == {
        f"cat/{name}": reason for name, (_, reason) in BROKEN.items()
    }
    kept = pd.read_parquet(place.root / "build/validate/pictures.parquet")
    assert len(kept) == 24


def test_too_many_bad_pictures_stop_the_run(place, pictures):
    """One bad picture in 25 is more than one in a hundred."""
    (pictures / "cat" / "empty.jpg").write_bytes(b"")
    place.source(pictures)
    outcome = place.upto("ingest", "validate")
    assert outcome.code == 3
    assert "validate.max_bad_fraction" in outcome.errors
    assert "cat/empty.jpg" in outcome.errors


def test_one_class_stops_the_run(place, pictures):
    """There is nothing to tell apart (FAULTS 26)."""
    for path in (pictures / "dog").iterdir():
        path.unlink()
    (pictures / "dog").rmdir()
    place.source(pictures)
    outcome = place.upto("ingest", "validate")
    assert outcome.code == 3
    assert "at least 2 classes" in outcome.errors


def test_small_class_is_named(place, pictures):
    """A class of one picture cannot be split (FAULTS 27)."""
    (pictures / "newt").mkdir()
    (pictures / "newt" / "1.png").write_bytes(encode(draw(500)))
    place.source(pictures)
    outcome = place.upto("ingest", "validate")
    assert outcome.code == 3
    assert "'newt' needs at least 3" in outcome.errors


def test_class_whose_pictures_are_all_bad_is_named(place, pictures):
    """FAULTS 28, even where the bad share is allowed."""
    for path in (pictures / "dog").iterdir():
        path.write_bytes(b"")
    place.source(pictures)
    place.change("validate", max_bad_fraction=0.9)
    outcome = place.upto("ingest", "validate")
    assert outcome.code == 3
    assert "class 'dog' needs at least 3 usable pictures" in outcome.errors
    assert "has 0 of 12" in outcome.errors


def test_exact_duplicates_leave_one_copy_and_stop_nothing(place, pictures):
    """They do not count as bad, whatever their number."""
    for number in range(12):
        copy = (pictures / "cat" / f"{number:02}.png").read_bytes()
        (pictures / "cat" / f"copy{number:02}.png").write_bytes(copy)
    place.source(pictures)
    assert place.upto("ingest", "validate").code == 0
    kept = pd.read_parquet(place.root / "build/validate/pictures.parquet")
    assert len(kept) == 24
    assert not kept["path"].str.contains("copy").any()


def test_equal_pictures_of_two_classes_are_both_left_out(place, pictures):
    """Nobody knows which label is right (FAULTS 31)."""
    (pictures / "dog" / "same.png").write_bytes((pictures / "cat" / "00.png").read_bytes())
    place.source(pictures)
    place.change("validate", max_bad_fraction=0.2)
    assert place.upto("ingest", "validate").code == 0
    listed = pd.read_csv(place.root / "build/validate/quarantine.csv")
    assert set(listed["path"]) == {"cat/00.png", "dog/same.png"}
    assert set(listed["reason"]) == {"label-conflict"}


def test_test_picture_that_is_also_in_train_leaves_train(place, pictures, tmp_path):
    """A brought split must not leak (FAULTS 29)."""
    nested = tmp_path / "split"
    for number, path in enumerate(sorted(pictures.rglob("*.png"))):
        for side in ("train", "test") if number == 0 else ("test" if number % 4 == 0 else "train",):
            target = nested / side / path.parent.name / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    place.source(nested)
    assert place.upto("ingest", "validate").code == 0
    listed = pd.read_csv(place.root / "build/validate/quarantine.csv")
    assert list(listed["path"]) == ["train/cat/00.png"]


def save(picture, path, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path, **options)
    return path


def test_format_is_told_by_content_not_by_name(tmp_path):
    """A PNG named .jpg is a PNG (FAULTS 9)."""
    picture = draw(1)
    path = save(picture, tmp_path / "a.jpg", format="PNG")
    assert np.array_equal(decoder.read(path), picture)


def test_cmyk_is_converted(tmp_path):
    """As Pillow does (FAULTS 10)."""
    path = tmp_path / "a.jpg"
    Image.fromarray(draw(1)).convert("CMYK").save(path)
    assert np.array_equal(decoder.read(path), np.asarray(Image.open(path).convert("RGB")))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA"])
def test_modes_give_the_colours_that_are_stored(tmp_path, mode):
    """Grey, palette and 1-bit become RGB; alpha is dropped (FAULTS 14)."""
    image = Image.fromarray(draw(1)).convert(mode)
    path = tmp_path / "a.png"
    image.save(path)
    expected = np.asarray(image.convert("RGBA"))[:, :, :3]
    assert np.array_equal(decoder.read(path), expected)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path, orientation):
    """A phone's picture stands upright for training and serving alike (FAULTS 15)."""
    upright = np.arange(6, dtype=np.uint8).reshape(2, 3, 1).repeat(3, axis=2) * 40
    turns = {
        1: lambda p: p, 2: np.fliplr, 3: lambda p: np.rot90(p, 2), 4: np.flipud,
        5: lambda p: p.swapaxes(0, 1), 6: lambda p: np.rot90(p, 1),
        7: lambda p: np.rot90(p, 2).swapaxes(0, 1), 8: lambda p: np.rot90(p, -1),
    }  # fmt: skip
    stored = Image.fromarray(np.ascontiguousarray(turns[orientation](upright)))
    exif = stored.getexif()
    exif[0x0112] = orientation
    path = tmp_path / "a.png"
    stored.save(path, exif=exif)
    assert np.array_equal(decoder.read(path), upright)


def test_sixteen_bit_grey_is_scaled_not_clipped(tmp_path):
    """Pillow's own conversion would turn it white (FAULTS 11)."""
    values = np.linspace(0, 65535, 24 * 24).reshape(24, 24).astype(np.uint16)
    path = save(values, tmp_path / "a.png")
    assert np.array_equal(decoder.read(path)[:, :, 0], values >> 8)


def test_float_picture_is_refused(tmp_path):
    """Its range is unknown (FAULTS 13)."""
    path = save(np.ones((9, 9), dtype=np.float32), tmp_path / "a.tiff")
    with pytest.raises(UnreadablePictureError, match="depth"):
        decoder.read(path)


def test_first_frame_of_an_animation_is_taken(tmp_path):
    """One picture, one label (FAULTS 16)."""
    frames = [Image.fromarray(np.full((9, 9, 3), v, dtype=np.uint8)) for v in (10, 200)]
    path = tmp_path / "a.png"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    assert (decoder.read(path) == 10).all()
