"""Whatever a file holds, there is an image or that file's own reason."""

import struct
import zlib
from datetime import timedelta
from io import BytesIO

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from samples import draw

from components.data.images import costs, decoder
from components.data.images.costs import UnreadableImageError
from components.frame.errors import DataError


def saved(image, form, **options):
    content = BytesIO()
    image.save(content, form, **options)
    return content.getvalue()


IMAGE = Image.fromarray(draw(1, height=24, width=20))
FRAMES = {"save_all": True, "append_images": [IMAGE.rotate(90)]}
EXIF = IMAGE.getexif()
EXIF[274], EXIF[271], EXIF[282] = 6, "maker", 72.0
SIXTEEN = Image.fromarray(draw(2)[:, :, 0].astype(np.uint16) * 257)
WHOLE = {
    "PNG": saved(IMAGE, "PNG", exif=EXIF),
    "PNG with a palette": saved(IMAGE.quantize(9), "PNG", transparency=0),
    "PNG of 16 bits": saved(SIXTEEN, "PNG"),
    "APNG": saved(IMAGE, "PNG", **FRAMES),
    "JPEG": saved(IMAGE, "JPEG", exif=EXIF),
    "progressive JPEG": saved(IMAGE, "JPEG", progressive=True),
    "CMYK JPEG": saved(IMAGE.convert("CMYK"), "JPEG"),
    "MPO": saved(IMAGE, "MPO", **FRAMES),
    "GIF": saved(IMAGE, "GIF", comment=b"abc", **FRAMES),
    "BMP": saved(IMAGE, "BMP"),
    "BMP with a palette": saved(IMAGE.quantize(16), "BMP"),
    "TIFF": saved(IMAGE, "TIFF", exif=EXIF),
    "BigTIFF": saved(IMAGE, "TIFF", big_tiff=True),
    "TIFF of 16 bits": saved(SIXTEEN, "TIFF"),
    "TIFF in LZW": saved(IMAGE, "TIFF", compression="tiff_lzw"),
    "fax": saved(IMAGE.convert("1"), "TIFF", compression="group4"),
    "WebP": saved(IMAGE, "WEBP", exif=EXIF),
    "animated WebP": saved(IMAGE, "WEBP", lossless=True, **FRAMES),
    "PPM": saved(IMAGE, "PPM"),
    "PPM in digits": b"P3 2 2 255\n" + b"1 2 3 " * 4,
}
REASONS = {"empty", "no-image", "damaged", "too-large", "too-costly", "depth", "colours"}
BYTE = st.integers(0, 255)
PLACE = st.floats(0, 1, exclude_max=True)


def outcome(content):
    try:
        return decoder.decode(content)
    except UnreadableImageError as error:
        return error


@pytest.mark.parametrize("name", WHOLE)
@settings(
    max_examples=40,
    deadline=timedelta(seconds=20),
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(changes=st.lists(st.tuples(PLACE, BYTE), max_size=8), kept=st.just(1.0) | PLACE)
def test_a_damaged_file_is_an_image_or_has_a_reason(monkeypatch, name, changes, kept):
    """Bytes changed anywhere, the end missing: never anything else, and soon."""
    monkeypatch.setattr(costs, "MAX_PIXELS", 1_000_000)
    content = bytearray(WHOLE[name])
    for place, value in changes:
        content[int(place * len(content))] = value
    given = outcome(bytes(content[: int(kept * len(content))]))
    if isinstance(given, UnreadableImageError):
        assert given.reason in REASONS
        assert 0 < len(given.detail) <= decoder.LONGEST_DETAIL
    else:
        assert (given.dtype, given.ndim, given.shape[2]) == (np.uint8, 3, 3)


@pytest.mark.parametrize("name", WHOLE)
def test_what_is_damaged_above_was_whole(name):
    """Each of them is an image, no smaller than what was saved."""
    assert decoder.decode(WHOLE[name]).shape >= (2, 2, 3)


@pytest.mark.parametrize("error", [KeyError("a"), AssertionError(), RuntimeError("odd")])
def test_no_error_of_a_reader_is_more_than_the_files_own(monkeypatch, error):
    """Of kinds that no list of exceptions would name."""

    def fail(self):
        raise error

    monkeypatch.setattr(Image.Image, "load", fail)
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", fail)
    with pytest.raises(UnreadableImageError) as refused:
        decoder.decode(WHOLE["PNG"])
    assert refused.value.reason == "damaged"
    assert refused.value.detail


def test_memory_that_runs_out_is_not_blamed_on_an_image(monkeypatch):
    """The same image would be left out of one run and not of the next."""

    def fail(self):
        raise MemoryError

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", fail)
    with pytest.raises(MemoryError):
        decoder.decode(WHOLE["PNG"])


def test_an_error_of_a_file_names_it(tmp_path):
    """Search, train and evaluate end with it: what they read was whole when it was validated."""
    (tmp_path / "a.png").write_bytes(WHOLE["PNG"][:200])
    with pytest.raises(DataError, match=r"a\.png cannot be read \(damaged: .*dvc checkout"):
        decoder.read(tmp_path / "a.png")
    (tmp_path / "b.png").mkdir()
    for name in ("b.png", "c.png"):
        with pytest.raises(DataError, match=rf"{name}.*dvc checkout"):
            decoder.read(tmp_path / name)


def wide_png(values, kind):
    """A PNG of 16 bits, which Pillow does not write in colour."""

    def chunk(name, content):
        check = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + check

    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    head = struct.pack(">IIBBBBB", *reversed(values.shape[:2]), 16, kind, 0, 0, 0)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def opaque(values):
    return np.concatenate([values, np.full_like(values[..., :1], 65_535)], axis=2)


COLOURS = draw(5).astype(np.uint16) * 257
WIDE = {
    "RGB": lambda values: wide_png(values, 2),
    "RGB and cover": lambda values: wide_png(opaque(values), 6),
    "grey and cover": lambda values: wide_png(opaque(values[..., :1]), 4),
    "TIFF": lambda values: cv2.imencode(".tiff", values[..., ::-1])[1].tobytes(),
}


@pytest.mark.parametrize("name", WIDE)
def test_sixteen_bits_a_colour_are_scaled_and_fewer_in_them_refused(name):
    """As with grey: what is stored in half of the bits would be nearly black."""
    expected = COLOURS[..., :1].repeat(3, axis=2) if "grey" in name else COLOURS
    assert np.array_equal(decoder.decode(WIDE[name](COLOURS)), expected >> 8)
    for bits in (8, 12):
        with pytest.raises(UnreadableImageError, match="depth: 16 bits of which"):
            decoder.decode(WIDE[name](COLOURS >> (16 - bits)))


def test_a_grey_of_sixteen_bits_that_is_transparent_lies_on_white():
    """Named by its value, not covered by a layer."""
    values = np.full((9, 9), 30_000, np.uint16)
    values[2:4] = 513
    content = saved(Image.fromarray(values), "PNG", transparency=513)
    assert (decoder.decode(content)[2:4] == 255).all()
    assert (decoder.decode(content)[5:] == 30_000 >> 8).all()
