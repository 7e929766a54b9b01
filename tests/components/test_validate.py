"""Which images are trusted, and when there are too few of them."""

import struct
import zlib
from io import BytesIO

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from samples import draw, encode

from components.data.images import decoder
from components.data.images.costs import UnreadableImageError


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
    "html.jpg": (b"<html><body>404</body></html>", "no-image"),
    "random.png": (np.random.default_rng(0).bytes(5000), "no-image"),
    "bomb.png": (png_header(20_000, 20_000), "too-large"),
    "hundred.png": (png_header(10_000, 10_000), "too-large"),
    "liar.png": (png_header(60_000, 60_000), "too-large"),
    "drawing.png": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "no-image"),
    "paper.jpg": (b"%PDF-1.7\n%%EOF\n", "no-image"),
    "print.png": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n", "no-image"),
    "flipped.png": (bytearray(encode(draw(2))), "damaged"),
    "cut.png": (encode(draw(3))[:700], "damaged"),
}
BROKEN["flipped.png"][0][900] ^= 0xFF


@pytest.mark.parametrize("name", BROKEN)
def test_broken_image_is_refused_with_its_reason(name):
    """FAULTS 1, 2, 5-8, 18, 19, 22: fully decoded, and by content, not by name."""
    content, reason = BROKEN[name]
    with pytest.raises(UnreadableImageError) as caught:
        decoder.decode(bytes(content))
    assert caught.value.reason == reason


def test_broken_images_are_left_out_listed_and_counted(place, images):
    """The run goes on without them while they are few enough."""
    for name, (content, _) in BROKEN.items():
        (images / "cat" / name).write_bytes(bytes(content))
    place.source(images)
    place.change("validate", max_bad_fraction=0.5)
    assert place.upto("ingest", "validate").code == 0
    listed = pd.read_csv(place.root / "build/validate/quarantine.csv")
    assert dict(zip(listed["path"], listed["reason"], strict=True)) == {
        f"cat/{name}": reason for name, (_, reason) in BROKEN.items()
    }
    kept = pd.read_parquet(place.root / "build/validate/images.parquet")
    assert len(kept) == 24


def test_too_many_bad_images_stop_the_run(place, images):
    """One bad image in 25 is more than one in a hundred."""
    (images / "cat" / "empty.jpg").write_bytes(b"")
    place.source(images)
    outcome = place.upto("ingest", "validate")
    assert outcome.code == 3
    assert "validate.max_bad_fraction" in outcome.errors
    assert "cat/empty.jpg" in outcome.errors


def test_one_class_stops_the_run(place, images):
    """There is nothing to tell apart (FAULTS 26)."""
    for path in (images / "dog").iterdir():
        path.unlink()
    (images / "dog").rmdir()
    place.source(images)
    outcome = place.upto("ingest", "validate")
    assert outcome.code == 3
    assert "at least 2 classes" in outcome.errors


def test_small_class_is_named(place, images):
    """A class of one image cannot be split (FAULTS 27)."""
    (images / "newt").mkdir()
    (images / "newt" / "1.png").write_bytes(encode(draw(500)))
    place.source(images)
    outcome = place.upto("ingest", "validate")
    assert outcome.code == 3
    assert "'newt' needs at least 3" in outcome.errors


def test_class_whose_images_are_all_bad_is_named(place, images):
    """FAULTS 28, even where the bad fraction is allowed."""
    for path in (images / "dog").iterdir():
        path.write_bytes(b"")
    place.source(images)
    place.change("validate", max_bad_fraction=0.9)
    outcome = place.upto("ingest", "validate")
    assert outcome.code == 3
    assert "class 'dog' needs at least 3 usable images" in outcome.errors
    assert "has 0 of 12" in outcome.errors


def test_exact_duplicates_leave_one_copy_and_stop_nothing(place, images):
    """They do not count as bad, whatever their number."""
    for number in range(12):
        copy = (images / "cat" / f"{number:02}.png").read_bytes()
        (images / "cat" / f"copy{number:02}.png").write_bytes(copy)
    place.source(images)
    assert place.upto("ingest", "validate").code == 0
    kept = pd.read_parquet(place.root / "build/validate/images.parquet")
    assert len(kept) == 24
    assert not kept["path"].str.contains("copy").any()


def test_equal_images_of_two_classes_are_both_left_out(place, images):
    """Nobody knows which label is right (FAULTS 31)."""
    (images / "dog" / "same.png").write_bytes((images / "cat" / "00.png").read_bytes())
    place.source(images)
    place.change("validate", max_bad_fraction=0.2)
    assert place.upto("ingest", "validate").code == 0
    listed = pd.read_csv(place.root / "build/validate/quarantine.csv")
    assert set(listed["path"]) == {"cat/00.png", "dog/same.png"}
    assert set(listed["reason"]) == {"label-conflict"}


def test_test_image_that_is_also_in_train_leaves_train(place, images, tmp_path):
    """A brought split must not leak (FAULTS 29)."""
    nested = tmp_path / "split"
    for number, path in enumerate(sorted(images.rglob("*.png"))):
        for split in (
            ("train", "test") if number == 0 else ("test" if number % 4 == 0 else "train",)
        ):
            target = nested / split / path.parent.name / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    place.source(nested)
    assert place.upto("ingest", "validate").code == 0
    listed = pd.read_csv(place.root / "build/validate/quarantine.csv")
    assert list(listed["path"]) == ["train/cat/00.png"]


def save(image, path, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path, **options)
    return path


def test_format_is_told_by_content_not_by_name(tmp_path):
    """A PNG named .jpg is a PNG (FAULTS 9)."""
    image = draw(1)
    path = save(image, tmp_path / "a.jpg", format="PNG")
    assert np.array_equal(decoder.read(path), image)


def test_cmyk_is_converted(tmp_path):
    """As Pillow does (FAULTS 10)."""
    path = tmp_path / "a.jpg"
    Image.fromarray(draw(1)).convert("CMYK").save(path)
    assert np.array_equal(decoder.read(path), np.asarray(Image.open(path).convert("RGB")))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA"])
def test_modes_give_the_colours_that_are_stored(tmp_path, mode):
    """Grey, palette and 1-bit become RGB; what covers all hides nothing (FAULTS 14)."""
    image = Image.fromarray(draw(1)).convert(mode)
    path = tmp_path / "a.png"
    image.save(path)
    expected = np.asarray(image.convert("RGBA"))[:, :, :3]
    assert np.array_equal(decoder.read(path), expected)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path, orientation):
    """A phone's image stands upright for training and serving alike (FAULTS 15)."""
    upright = np.arange(6, dtype=np.uint8).reshape(2, 3, 1).repeat(3, axis=2) * 40
    turns = {
        1: lambda p: p,
        2: np.fliplr,
        3: lambda p: np.rot90(p, 2),
        4: np.flipud,
        5: lambda p: p.swapaxes(0, 1),
        6: lambda p: np.rot90(p, 1),
        7: lambda p: np.rot90(p, 2).swapaxes(0, 1),
        8: lambda p: np.rot90(p, -1),
    }
    stored = Image.fromarray(np.ascontiguousarray(turns[orientation](upright)))
    exif = stored.getexif()
    exif[0x0112] = orientation
    path = tmp_path / "a.png"
    stored.save(path, exif=exif)
    assert np.array_equal(decoder.read(path), upright)


def with_exif(image, *entries):
    """A JPEG with these EXIF entries: tag, kind of value, how many, four bytes of it."""
    plain = BytesIO()
    image.save(plain, "JPEG", quality=95)
    table = struct.pack("<H", len(entries))
    table += b"".join(struct.pack("<HHI4s", *entry) for entry in sorted(entries))
    body = b"Exif\0\0II*\0" + struct.pack("<I", 8) + table + bytes(4)
    segment = b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body
    return plain.getvalue()[:2] + segment + plain.getvalue()[2:]


@pytest.mark.parametrize(
    "odd",
    [
        (271, 5, 1, bytes(4)),
        (271, 99, 1, bytes(4)),
        (282, 2, 4, b"abc\0"),
        (305, 4, 9, b"\xff" * 4),
    ],
    ids=["maker as a fraction", "unknown kind", "resolution as text", "value beyond the end"],
)
def test_an_odd_exif_entry_is_no_damage_of_the_image(odd):
    """It is turned all the same; nothing but the orientation is read."""
    image = Image.fromarray(draw(1, height=16, width=24))
    content = with_exif(image, (274, 3, 1, struct.pack("<HH", 6, 0)), odd)
    plain = decoder.decode(with_exif(image))
    assert np.array_equal(decoder.decode(content), np.rot90(plain, -1))


@pytest.mark.parametrize("mode", ["LA", "RGBA", "P"])
def test_what_is_transparent_lies_on_white(tmp_path, mode):
    """Black ink on transparent paper stays ink on paper, half covered it is grey."""
    grey = np.zeros((8, 9), dtype=np.uint8)
    cover = np.zeros_like(grey)
    cover[2:4], cover[4:6] = 255, 128
    image = Image.fromarray(np.stack([grey, cover], axis=-1), "LA")
    image = image if mode == "LA" else image.convert("RGBA")
    image = image.quantize() if mode == "P" else image
    image.save(tmp_path / "a.png")
    rows = decoder.read(tmp_path / "a.png")[:, :, 0].mean(axis=1)
    assert rows == pytest.approx([255, 255, 0, 0, 127, 127, 255, 255], abs=1)


def test_sixteen_bit_grey_is_scaled_not_clipped(tmp_path):
    """Pillow's own conversion would turn it white (FAULTS 11)."""
    values = np.linspace(0, 65535, 24 * 24).reshape(24, 24).astype(np.uint16)
    path = save(values, tmp_path / "a.png")
    assert np.array_equal(decoder.read(path)[:, :, 0], values >> 8)


@pytest.mark.parametrize("bits", [8, 12])
def test_few_bits_stored_in_sixteen_are_refused(tmp_path, bits):
    """As they are they would be nearly black, and nothing tells how many bits were meant."""
    values = np.linspace(0, 2**bits - 1, 24 * 24).reshape(24, 24).astype(np.uint16)
    path = save(values, tmp_path / "a.png")
    with pytest.raises(UnreadableImageError, match=f"{2**bits - 1:,} is the most") as refused:
        decoder.read(path)
    assert refused.value.reason == "depth"


def test_float_image_is_refused(tmp_path):
    """Its range is unknown (FAULTS 13)."""
    path = save(np.ones((9, 9), dtype=np.float32), tmp_path / "a.tiff")
    with pytest.raises(UnreadableImageError, match="depth"):
        decoder.read(path)


def test_first_frame_of_an_animation_is_taken(tmp_path):
    """One image, one label (FAULTS 16)."""
    frames = [Image.fromarray(np.full((9, 9, 3), v, dtype=np.uint8)) for v in (10, 200)]
    path = tmp_path / "a.png"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    assert (decoder.read(path) == 10).all()
