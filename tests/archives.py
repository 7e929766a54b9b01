"""Small archives of images, and what of them comes in."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from pathlib import Path

import pyarrow as pa
from samples import draw, encode

from components.data.archive import Archive

FILES = {
    **{f"pets/cat/{number}.png": encode(draw(number, height=4, width=4)) for number in range(2)},
    "pets/cat/without": encode(draw(2, height=4, width=4)),
    "pets/dog/schön.jfif": encode(draw(3, height=4, width=4), ".jpg"),
    f"pets/dog/{'long' * 30}.png": encode(draw(4, height=4, width=4)),
    "pets/dog/note.txt": b"no image",
}


def packed(path, files=None):
    """Pack files by the ending of the archive's name."""
    files = FILES if files is None else files
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return path
    compression = path.suffix.removeprefix(".")
    with _stream(path, compression) as stream, tarfile.open(fileobj=stream, mode="w|") as archive:
        for name, content in files.items():
            add(archive, name, content)
    return path


def _stream(path, compression):
    """A file that is written packed; by pyarrow a stream of zstd keeps no sum."""
    if compression == "zst":
        return pa.output_stream(path, compression="zstd")
    opened = {"gz": gzip.open, "bz2": bz2.open, "xz": lzma.open}.get(compression, Path.open)
    return opened(path, "wb")


def add(archive, name, content=b"", **fields):
    """Put an entry into a tar, with any field of its header."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for field, value in fields.items():
        setattr(info, field, value)
    archive.addfile(info, io.BytesIO(content))


def unpacked(path, max_unpacked=2**30):
    """What an archive gives: content by name, None for what is no image."""
    return {entry.name: entry.content for entry in Archive(path, max_unpacked).entries()}
