"""An archive gives all that was packed, or is refused in a sentence."""

import bz2
import contextlib
import gzip
import lzma
import subprocess
import tarfile
import tracemalloc
import zipfile
import zlib

import pyarrow as pa
import pytest
from archives import FILES, add, packed, unpacked
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import draw, encode

from components.data import archive, unpacking
from components.frame.errors import DataError

SKIPPED = b"\x50\x2a\x4d\x18\4\0\0\0size"
"""A frame of zstd that holds nothing."""
KINDS = ("a.tar", "a.tar.gz", "a.tar.bz2", "a.tar.xz", "a.tar.zst", "a.zip")
IMAGES = {name: content for name, content in FILES.items() if not name.endswith(".txt")}


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    """One of each kind, with its bytes."""
    folder = tmp_path_factory.mktemp("archives")
    return {name: packed(folder / name).read_bytes() for name in KINDS}


@pytest.mark.parametrize("name", KINDS)
def test_a_whole_archive_gives_every_image_and_names_the_rest(tmp_path, name):
    """By content where the ending says nothing."""
    assert unpacked(packed(tmp_path / name)) == {**IMAGES, "pets/dog/note.txt": None}


@settings(max_examples=150, deadline=None, print_blob=True)
@given(data=st.data())
def test_one_wrong_bit_never_loses_an_image_in_silence(archives, tmp_path_factory, data):
    """The same images, or a refusal; a tar alone keeps no sums over its files' contents."""
    name = data.draw(st.sampled_from(KINDS))
    content = bytearray(archives[name])
    bit = data.draw(st.integers(0, len(content) * 8 - 1))
    content[bit // 8] ^= 1 << bit % 8
    path = tmp_path_factory.mktemp("bit") / name
    path.write_bytes(content)
    try:
        found = unpacked(path)
    except DataError:
        return
    if name in ("a.tar", "a.tar.zst"):
        assert len(found) == len(FILES)
    else:
        assert found == {**IMAGES, "pets/dog/note.txt": None}


@settings(max_examples=100, deadline=None, print_blob=True)
@given(data=st.data())
def test_a_cut_archive_is_refused(archives, tmp_path_factory, data):
    """Also between two files, where `tarfile` ends as if all were there."""
    name = data.draw(st.sampled_from(KINDS))
    content = archives[name]
    end = len(content)
    if name == "a.tar":
        end = len(content.rstrip(b"\0")) // 512 * 512 + 512 + 1024
        assert end < len(content)
    length = data.draw(st.integers(0, end - 1))
    path = tmp_path_factory.mktemp("cut") / name
    path.write_bytes(content[:length])
    with pytest.raises(DataError):
        unpacked(path)


def test_a_tar_cut_between_two_files_names_the_last_one(tmp_path):
    """What a broken download looks like."""
    path = packed(tmp_path / "a.tar")
    with tarfile.open(path) as opened:
        at = opened.getmember("pets/cat/1.png").offset
    path.write_bytes(path.read_bytes()[:at])
    with pytest.raises(DataError, match=r"after the entry 'pets/cat/0\.png' \(what follows is"):
        unpacked(path)


def test_a_tar_needs_both_blocks_of_its_end_mark(tmp_path):
    """One block of zeros may be part of what is lost."""
    path = packed(tmp_path / "a.tar")
    with tarfile.open(path) as opened:
        opened.getmembers()
        end = opened.offset
    for length, whole in ((512, False), (1024, True)):
        path.write_bytes(path.read_bytes()[: end + 512] + bytes(length - 512))
        if whole:
            assert len(unpacked(path)) == len(FILES)
        else:
            with pytest.raises(DataError, match="the mark of the end"):
                unpacked(path)


@pytest.mark.parametrize("name", ["a.tar.gz", "a.zip"])
def test_what_all_entries_unpack_to_is_bounded(tmp_path, name):
    """Each is small, images or not."""
    path = packed(tmp_path / name, {f"{number}.txt": bytes(1000) for number in range(20)})
    with pytest.raises(DataError, match=r"max_unpacked_gib.*Raise it if that is right"):
        unpacked(path, 15_000)


def test_archives_stuck_together_are_refused(tmp_path):
    """Only one of them would come in."""
    for name in ("a.tar", "a.zip"):
        path = packed(tmp_path / name)
        path.write_bytes(path.read_bytes() * 2)
        with pytest.raises(DataError, match=r"follows the mark of the end|stand before them"):
            unpacked(path)


def test_a_zip_in_a_tar_does_not_hide_it(tmp_path):
    """The kind is told by the name: the end of this file is a zip's."""
    inner = packed(tmp_path / "inner.zip").read_bytes()
    path = packed(tmp_path / "a.tar", {**FILES, "pets/inner.zip": inner})
    assert unpacked(path) == {**IMAGES, "pets/dog/note.txt": None, "pets/inner.zip": None}


@pytest.mark.parametrize("again", ["cat/1.png", "./cat/1.png", "cat//1.png"])
def test_a_name_packed_twice_is_refused(tmp_path, again):
    """As `tar -r` does: one image would stand for two."""
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as opened:
        for name in ("cat/1.png", again):
            add(opened, name, encode(draw(1)))
    with pytest.raises(DataError, match="is packed twice"):
        unpacked(path)


def patched(path, local, central, change):
    """Change a byte of every header of a zip, and of every entry of its directory."""
    content = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", local), (b"PK\x01\x02", central)):
        at = content.find(mark)
        while at >= 0:
            content[at + offset] = change(content[at + offset])
            at = content.find(mark, at + 4)
    path.write_bytes(content)
    return path


def test_an_entry_that_a_zip_keeps_but_does_not_list_is_missed(tmp_path):
    """One bit, the length of a comment, is enough to step over an entry of the directory."""
    files = {f"cat/{number:010}.png": encode(draw(number)) for number in range(3)}
    path = packed(tmp_path / "a.zip", files)
    content = bytearray(path.read_bytes())
    first = content.find(b"PK\x01\x02")
    content[first + 32] ^= 64  # 46 bytes and a name of 18
    path.write_bytes(content)
    with zipfile.ZipFile(path) as opened:
        assert len(opened.namelist()) == 2
    with pytest.raises(DataError, match="it should hold 3 entries, but lists 2"):
        unpacked(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_of_any_usual_method_is_read(tmp_path, method):
    """And its sums are compared, for what is no image too."""
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", method) as opened:
        for name, content in FILES.items():
            opened.writestr(name, content)
    assert unpacked(path) == {**IMAGES, "pets/dog/note.txt": None}
    content = path.read_bytes()
    at = content.rfind(b"PK\x01\x02") + 16
    path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
    with pytest.raises(DataError, match=r"note\.txt' \(Bad CRC-32"):
        unpacked(path)


def test_a_part_of_a_set_of_zips_says_so(tmp_path):
    """The other files hold the rest."""
    path = packed(tmp_path / "a.zip")
    content = bytearray(path.read_bytes())
    content[content.find(b"PK\x01\x02") + 34] = 1
    path.write_bytes(content)
    with pytest.raises(DataError, match="lies in another file of a set"):
        unpacked(path)


def test_a_sparse_file_is_read_with_its_holes(tmp_path):
    """As `tar -S` packs it."""
    source = tmp_path / "cat"
    source.mkdir()
    with (source / "1.png").open("wb") as file:
        file.write(b"begin")
        file.truncate(10**6)
    for form in ("gnu", "posix"):
        path = tmp_path / "a.tar"
        command = ["tar", "-S", f"--format={form}", "-cf", path, "-C", tmp_path, "cat"]
        if subprocess.run(command, check=False, capture_output=True).returncode:
            pytest.skip("this tar knows no sparse files")
        assert path.stat().st_size < 10**5
        assert unpacked(path)["cat/1.png"] == b"begin" + bytes(10**6 - 5)


def test_a_size_below_nothing_is_refused(tmp_path):
    """It would lead back to where it stands, for ever."""
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as opened:
        add(opened, "cat/1.png", encode(draw(1)))
    content = bytearray(path.read_bytes())
    content[124:136] = b"\xff" * 10 + b"\xfe\x00"
    content[148:156] = b" " * 8
    content[148:156] = b"%06o\0 " % sum(content[:512])
    path.write_bytes(content)
    with pytest.raises(DataError, match="cannot be unpacked"):
        unpacked(path)


def test_a_zip_with_a_password_says_so(tmp_path):
    """With the entry's name, and the remedy."""
    path = patched(packed(tmp_path / "a.zip"), 6, 8, lambda byte: byte | 1)
    with pytest.raises(DataError, match=r"'pets/cat/0\.png' needs a password\. Pack it anew with"):
        unpacked(path)


def test_a_zip_of_an_unknown_method_says_so(tmp_path):
    """Deflate64, as Windows packs what is large."""
    path = patched(packed(tmp_path / "a.zip"), 8, 10, lambda _: 9)
    with pytest.raises(DataError, match=r"'pets/cat/0\.png' is packed by method 9, which"):
        unpacked(path)


def test_utf8_names_without_the_flag_are_read_as_utf8(tmp_path):
    """A Mac packs so; the class must not become gibberish."""
    path = patched(packed(tmp_path / "a.zip"), 7, 9, lambda byte: byte & ~8)
    assert "pets/dog/schön.jfif" in unpacked(path)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("K\udce4fer/1.png", "names must be UTF-8"),
        ("cat\\1.png", r"'cat\\\\1.png' is named with backslashes"),
        ("a/" * 10_000 + "1.png", "64 deep at most"),
        ("cat/" + "n" * 300 + ".png", "255 bytes at most"),
    ],
    ids=["latin-1", "backslash", "deep", "long"],
)
def test_a_name_that_no_disk_or_table_could_have_is_refused(tmp_path, name, sentence):
    """It is told shortened."""
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT, errors="surrogateescape") as opened:
        add(opened, name, encode(draw(1)))
    with pytest.raises(DataError, match=sentence) as caught:
        unpacked(path)
    assert len(str(caught.value)) < 500


def test_names_of_a_zip_in_another_encoding_are_refused(tmp_path):
    """Whether its letters are Western or Japanese is not said anywhere."""
    path = packed(tmp_path / "a.zip", {"K__fer/1.png": encode(draw(1))})
    path.write_bytes(path.read_bytes().replace(b"K__fer", b"K\x84\x81fer"))
    with pytest.raises(DataError, match=r"names must be UTF-8, but b'K\\x84\\x81fer/1.png' is not"):
        unpacked(path)


@pytest.mark.parametrize("kind", [tarfile.LNKTYPE, tarfile.SYMTYPE, tarfile.FIFOTYPE, b"M", b"V"])
def test_what_is_no_plain_file_is_refused(tmp_path, kind):
    """Links, pipes, a part of a set of volumes."""
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as opened:
        add(opened, "cat/1.png", type=kind, linkname="cat/2.png")
    with pytest.raises(DataError, match="is a link or a device"):
        unpacked(path)


@pytest.mark.parametrize("name", ["a.zip", "a.tar.xz"])
def test_an_image_of_a_monstrous_size_is_refused_in_little_memory(tmp_path, name, monkeypatch):
    """It takes next to nothing in the archive."""
    monkeypatch.setattr(archive, "LARGEST_FILE", 10**6)
    path = packed(tmp_path / name, {"cat/1.png": bytes(30 * 10**6)})
    assert path.stat().st_size < 10**5
    tracemalloc.start()
    with pytest.raises(
        DataError, match=r"1,000,000 bytes at most, but 'cat/1\.png' has 30,000,000"
    ):
        unpacked(path)
    assert tracemalloc.get_traced_memory()[1] < 10**7
    tracemalloc.stop()


def test_what_is_no_image_is_read_in_little_memory(tmp_path):
    """A film beside the images is only passed over."""
    path = packed(tmp_path / "a.zip", {"cat/1.png": encode(draw(1)), "film.mp4": bytes(2 * 10**7)})
    tracemalloc.start()
    assert set(unpacked(path)) == {"cat/1.png", "film.mp4"}
    assert tracemalloc.get_traced_memory()[1] < 5 * 10**6
    tracemalloc.stop()


def test_a_header_that_would_fill_the_memory_is_refused(tmp_path):
    """An extended header is read whole by `tarfile`."""
    path = tmp_path / "a.tar.gz"
    with tarfile.open(path, "w:gz", pax_headers={"comment": "x" * 2**21}) as opened:
        add(opened, "cat/1.png", encode(draw(1)))
    with pytest.raises(DataError, match="a header must not have"):
        unpacked(path)


@pytest.mark.parametrize("bits", [28, 31])
def test_a_stream_that_would_fill_the_memory_is_refused(tmp_path, bits):
    """Whoever packs decides how much of what was unpacked is held in memory."""
    tar = packed(tmp_path / "a.tar").read_bytes()
    chosen = [{"id": lzma.FILTER_LZMA2, "dict_size": 2**16}]
    stream = bytearray(lzma.compress(tar, filters=chosen))
    at = stream.index(bytes([lzma.FILTER_LZMA2, 1])) + 2
    stream[at] = 2 * (bits - 12)
    stream[20:24] = zlib.crc32(stream[12:20]).to_bytes(4, "little")
    (tmp_path / "b.tar.xz").write_bytes(stream)
    window = bytes([0, (bits - 10) << 3])
    frame = b"\x28\xb5\x2f\xfd" + window + (len(tar) << 3 | 1).to_bytes(3, "little") + tar
    (tmp_path / "b.tar.zst").write_bytes(frame)
    for path in (tmp_path / "b.tar.xz", tmp_path / "b.tar.zst"):
        with pytest.raises(DataError, match="134,217,728 bytes of memory, but takes more"):
            unpacked(path)


def test_an_entry_that_would_fill_the_memory_is_refused(tmp_path):
    """A zip's LZMA has no limit of its own."""
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as opened:
        opened.writestr("cat/1.png", encode(draw(1)))
    content = bytearray(path.read_bytes())
    at = 30 + len("cat/1.png") + 5
    for bits, refused in ((27, False), (31, True)):
        content[at : at + 4] = (2**bits).to_bytes(4, "little")
        path.write_bytes(content)
        with contextlib.ExitStack() as stack:
            if refused:
                match = "134,217,728 bytes of memory, but takes 2,147,483,648"
                stack.enter_context(pytest.raises(DataError, match=match))
            unpacked(path)


def test_streams_one_after_the_other_are_one(tmp_path):
    """As packers that work in parallel write them."""
    tar = packed(tmp_path / "a.tar").read_bytes()
    packers = {
        "xz": lzma.compress,
        "gz": gzip.compress,
        "bz2": bz2.compress,
        "zst": lambda part: SKIPPED + pa.compress(part, "zstd", asbytes=True),
    }
    for ending, compress in packers.items():
        path = tmp_path / f"b.tar.{ending}"
        path.write_bytes(compress(tar[:700]) + compress(tar[700:]))
        assert unpacked(path) == {**IMAGES, "pets/dog/note.txt": None}


def test_too_many_entries_are_refused(tmp_path, monkeypatch):
    """Each costs memory here and a file on the disk."""
    monkeypatch.setattr(archive, "MOST_ENTRIES", 3)
    with pytest.raises(DataError, match="3 entries at most"):
        unpacked(packed(tmp_path / "a.tar"))


@pytest.mark.parametrize("name", ["a.tar", "a.zip"])
def test_large_and_odd_entries_are_read(tmp_path, name):
    """Folders named or not, twice too, what systems left, and 64-bit fields."""
    files = {
        "cat/": b"",
        "cat/1.png": encode(draw(1)),
        "__MACOSX/cat/._1.png": b"twin",
        "@eaDir/1.png": encode(draw(2)),
        "cat/Thumbs.db": b"x",
    }
    path = tmp_path / name
    if name == "a.zip":
        with zipfile.ZipFile(path, "w") as opened:
            for one, content in files.items():
                with opened.open(one, "w", force_zip64=True) as file:
                    file.write(content)
    else:
        with tarfile.open(path, "w") as opened:
            for one, content in files.items():
                add(opened, one, content, type=b"5" if one.endswith("/") else b"0")
            add(opened, "./", type=b"5")
            add(opened, "cat", type=b"5")
    assert unpacked(path) == {"cat/": None, "cat/1.png": files["cat/1.png"]}


def test_an_archive_of_archives_is_told_for_what_it_is(tmp_path):
    """There is no image in it, but something."""
    path = packed(tmp_path / "a.tar", {"cat.zip": b"PK", "dog.zip": b"PK", "note": b"x"})
    with pytest.raises(DataError, match=r"no images in .* \(but 2 \.zip, 1 without an ending\)"):
        unpacked(path)


def test_bounds_are_those_that_a_served_model_has():
    """What could never be asked of the model is not trained on either."""
    assert archive.LARGEST_FILE == 100_000_000
    assert unpacking.BLOCK <= 2**16
