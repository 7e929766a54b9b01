"""What a compressed tar unpacks to, in bounded memory, whatever its stream asks for."""

import bz2
import gzip
import lzma
import re
from _compression import DecompressReader
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import IO, Any

LARGEST_DICTIONARY = 2**27
"""Bytes that a stream may refer back to, which are held in memory; `xz -9` asks for half of it."""
LARGEST_MEMORY = LARGEST_DICTIONARY + 2**20
"""Bytes that reading such a stream takes."""
EXCEEDED = re.compile("Memory usage limit exceeded|Frame requires too much memory")
"""What the libraries say of one that would take more."""


@contextmanager
def unpacked(path: Path) -> Iterator[IO[bytes]]:
    """A file as its first bytes say that it is to be read: unpacked, or as it is."""
    with path.open("rb") as file:
        begin = file.peek()
        opener = next((o for mark, o in OPENERS.items() if begin.startswith(mark)), None)
        yield opener(file) if opener else file


def _xz(file: BufferedReader) -> IO[bytes]:
    """As `lzma.open`, which sets no limit to the memory."""
    reader = DecompressReader(
        file,
        lzma.LZMADecompressor,
        trailing_error=lzma.LZMAError,
        format=lzma.FORMAT_XZ,
        memlimit=LARGEST_MEMORY,
    )
    return BufferedReader(reader)


def _zstd(file: BufferedReader) -> IO[bytes]:
    """Zstandard's own limit is that of `LARGEST_DICTIONARY`."""
    import pyarrow as pa

    stream: IO[bytes] = pa.input_stream(file, compression="zstd")
    return stream


OPENERS: dict[bytes, Callable[[BufferedReader], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\0": _xz,
    b"\x28\xb5\x2f\xfd": _zstd,
    b"\x50\x2a\x4d\x18": _zstd,
}
"""By the first bytes; the last are those of a frame that is skipped, as pzstd puts one first."""
