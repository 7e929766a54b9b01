"""What one file may cost is bounded, and what is beyond is that file's own reason."""

import struct
import tracemalloc
import zlib
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from samples import draw, encode

from components.data import kinds
from components.data.images import costs, decoder
from components.data.images.costs import UnreadableImageError, scans


def saved(image, form, **options):
    content = BytesIO()
    Image.fromarray(image).save(content, form, **options)
    return content.getvalue()


def chunk(kind, content=b""):
    body = kind + content
    return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))


def segment(kind, content=b""):
    return bytes([0xFF, kind]) + struct.pack(">H", len(content) + 2) + content


def tiled(side):
    """A TIFF of 8 x 8 pixels whose one tile says that it is larger."""
    data = zlib.compress(bytes(99))
    entries = {256: 8, 257: 8, 258: 8, 259: 8, 262: 1, 277: 1, 322: side, 323: side}
    entries |= {324: 8 + 2 + 12 * (len(entries) + 2) + 4, 325: len(data)}
    table = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries.items())
    head = b"II*\0" + struct.pack("<IH", 8, len(entries))
    return head + table + bytes(4) + data


PNG, JPEG = encode(draw(1)), encode(draw(1), ".jpg")
GIF = saved(draw(1)[:, :, 0], "GIF")
PALETTE_END = 13 + 3 * 256
MANY = 2_000
COSTLY = {
    "comment of a PPM": b"P6\n#" + b"x" * MANY + b"\n8 8\n255\n" + bytes(192),
    "values of a PPM that are scaled": b"P6\n50 50\n254\n" + bytes(7_500),
    "comments of a PPM in digits": b"P3\n8 8\n255\n" + b"#\n" * MANY + b"1 " * 192,
    "chunks before the pixels": PNG[:33] + chunk(b"tEXt", b"k\0") * MANY + PNG[33:],
    "chunks behind the pixels": PNG[:-12] + chunk(b"abCd") * MANY + PNG[-12:],
    "segments of a JPEG": JPEG[:2] + segment(0xE3) * MANY + JPEG[2:],
    "comments of a GIF": GIF[:PALETTE_END] + b"!\xfe\1c\0" * MANY + GIF[PALETTE_END:],
    "tiles of a TIFF": tiled(20_000),
}


@pytest.mark.parametrize("name", COSTLY)
def test_what_takes_too_many_steps_is_refused(monkeypatch, name):
    """However small the image is; a whole file with as many parts as are usual is not."""
    monkeypatch.setattr(costs, "MAX_READS", 1_000)
    with pytest.raises(UnreadableImageError) as refused:
        decoder.decode(COSTLY[name])
    assert refused.value.reason == "too-costly"


def test_a_million_steps_take_a_second_or_two():
    """The bound itself is no more than a pause, and real files stay far below it."""
    content = b"P6\n#" + b"x" * (costs.MAX_READS + 1) + b"\n8 8\n255\n" + bytes(192)
    with pytest.raises(UnreadableImageError, match="1,000,000 steps"):
        decoder.decode(content)
    for whole in (PNG, JPEG, GIF):
        metered = costs.Metered(whole)
        with Image.open(metered) as image:
            image.load()
        assert costs.MAX_READS - metered._left < 100


def repeated(content, number):
    """The JPEG with its last scan so many times."""
    last = content[[*scans(content)][-1] : -2]
    return content[:-2] + last * (number - 1) + content[-2:]


def test_a_jpeg_has_as_many_scans_as_its_pixels_allow(monkeypatch):
    """Ten are usual; the more pixels, the fewer, since each scan goes over all of them."""
    content = saved(draw(1, height=90, width=90), "JPEG", progressive=True)
    assert len([*scans(content)]) == 10
    monkeypatch.setattr(costs, "MAX_SCANNED", 90 * 90 * 20)
    assert decoder.decode(repeated(content, 11)).shape == (90, 90, 3)
    with pytest.raises(UnreadableImageError, match="over 20 scans of 8,100 pixels"):
        decoder.decode(repeated(content, 12))


def test_what_only_looks_like_scans_is_none(monkeypatch):
    """The film that a phone puts behind an image, and what stands in segments."""
    monkeypatch.setattr(costs, "MAX_SCANNED", 24 * 24)
    film = JPEG + costs.SCAN * 50
    assert np.array_equal(decoder.decode(film), decoder.decode(JPEG))
    noted = JPEG[:2] + segment(0xE3, costs.SCAN * 50) + JPEG[2:]
    assert np.array_equal(decoder.decode(noted), decoder.decode(JPEG))


def test_a_marker_without_a_length_hides_no_scan():
    """Taken for one with a length it would jump over those that follow."""
    content = saved(draw(1), "JPEG", progressive=True)
    assert len([*scans(content[:2] + b"\xff\x01" + content[2:])]) == 10


def test_the_bytes_before_the_pixels_of_a_jpeg_are_bounded():
    """Pillow copies what it has of the EXIF with each further segment of it."""
    exif = segment(0xE1, b"Exif\0\0" + bytes(65_000))
    with pytest.raises(UnreadableImageError, match="stand before its pixels") as refused:
        decoder.decode(JPEG[:2] + exif * 250 + JPEG[2:])
    assert refused.value.reason == "too-costly"


@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt", b"iCCP"])
def test_packed_text_is_not_unpacked_without_end(kind):
    """A hundred megabytes of zeros in a hundred kilobytes."""
    head = b"k\0\1\0\0\0" if kind == b"iTXt" else b"k\0\0"
    packed = chunk(kind, head + zlib.compress(bytes(100_000_000)))
    tracemalloc.start()
    with pytest.raises(UnreadableImageError, match="too large"):
        decoder.decode(PNG[:33] + packed + PNG[33:])
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 30_000_000


def test_a_file_is_no_larger_than_a_registered_model_takes():
    """And is refused before anything of it is read."""
    with pytest.raises(UnreadableImageError) as refused:
        decoder.header(PNG + bytes(kinds.LARGEST_FILE))
    assert refused.value.reason == "too-large"


@pytest.mark.parametrize("form", ["GIF", "PNG", "TIFF", "WEBP"])
def test_only_the_first_of_many_frames_is_decoded(form):
    """Later ones cost nothing: what is wrong with them is not even seen."""
    frames = [Image.fromarray(draw(number)) for number in range(40)]
    content = BytesIO()
    options = {"lossless": True} if form == "WEBP" else {}
    frames[0].save(content, form, save_all=True, append_images=frames[1:], **options)
    alone = saved(draw(0), form, **options)
    assert np.array_equal(decoder.decode(content.getvalue()), decoder.decode(alone))


def test_a_large_image_is_converted_in_bands(monkeypatch):
    """The same pixels, and never a second copy of them all."""
    image = draw(1, height=600, width=500)
    layered = np.dstack([image, image[:, :, 0]])
    whole = decoder.decode(saved(layered, "PNG"))
    monkeypatch.setattr(decoder, "BAND", 7_000)
    tracemalloc.start()
    assert np.array_equal(decoder.decode(saved(layered, "PNG")), whole)
    content = saved(layered, "PNG")
    tracemalloc.reset_peak()
    before, _ = tracemalloc.get_traced_memory()
    decoder.decode(content)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most - before < 2 * image.nbytes
