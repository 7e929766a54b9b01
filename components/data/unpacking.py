"""What a tar or zip holds, entry by entry, and the proof that it holds all that was packed."""

import lzma
import os
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import IO, Literal

from components.data.compressions import LARGEST_DICTIONARY, unpacked
from components.data.entry import shown
from components.frame.errors import DataError

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
ENCRYPTED = 1
"""The bit in an entry's flags."""
END_OF_ZIP = b"PK\x05\x06"
LARGE_END_OF_ZIP = b"PK\x06\x06"
LONGEST_END = 22 + 2**16 + 76
"""Bytes from a zip's end in which both marks are found."""
UNCOUNTED = 0xFFFF
"""Number of entries in a zip whose larger record holds it."""
MODULUS = 2**16
"""By this a Mac counts the entries of a zip."""
SPANNING_MARK = 4
"""Bytes that may stand before the first entry of a zip."""
BLOCK = 4096
"""Bytes that are unpacked at once: bzip2 makes up to 80 MB of them."""
TAR_BLOCK = 512
LARGEST_HEADER = 2**20
"""Bytes of a tar's extended header, which is held in memory."""
LONGEST_PADDING = 2**24
"""Bytes of zeros after a tar's end mark; a tape's record has far fewer."""
DAMAGE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    lzma.LZMAError,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    RuntimeError,
    ValueError,
    LookupError,
    OverflowError,
    MemoryError,
)
"""What the packing libraries raise for damaged or hostile archives."""


@dataclass(frozen=True, kw_only=True)
class Member:
    """An entry of an archive, not read yet."""

    name: str
    """As the archive has it."""
    size: int
    """Bytes, unpacked."""
    total: int
    """Bytes that the archive unpacks to, up to this entry's end."""
    kind: Literal["file", "folder", "other"]
    open: Callable[[], IO[bytes]]


def members(path: Path) -> Iterator[Member]:
    """Every entry in its order; where this ends without an error, none is missing.

    Each must be read to its end before the next is asked for: only so are its sums compared.

    Raises:
        DataError: an entry cannot be read by anyone without more than the archive.
        tarfile.TarError, zipfile.BadZipFile: it is damaged, as are others of `DAMAGE`.
    """
    return _unzipped(path) if path.name.lower().endswith(".zip") else _untarred(path)


def _unzipped(path: Path) -> Iterator[Member]:
    try:
        archive = zipfile.ZipFile(path, metadata_encoding="utf-8")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: names must be UTF-8, but {error.object!r} is not. Pack it anew with names in "
            "UTF-8."
        ) from error
    with archive:
        infos, total = archive.infolist(), 0
        _demand_all_listed(path, infos)
        for info in infos:
            _demand_readable(path, info)
            total += info.file_size
            yield Member(
                name=info.orig_filename,
                size=info.file_size,
                total=total,
                kind=_zip_kind(info),
                open=partial(archive.open, info),
            )


def _demand_all_listed(path: Path, infos: list[zipfile.ZipInfo]) -> None:
    """See that the directory of a zip lists as many entries as its end says, from its start on."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - LONGEST_END))
        end = file.read()
    number = struct.unpack_from("<H", end, end.rfind(END_OF_ZIP) + 10)[0]
    if number == UNCOUNTED and (large := end.rfind(LARGE_END_OF_ZIP)) >= 0:
        number = struct.unpack_from("<Q", end, large + 32)[0]
    if number not in (len(infos), len(infos) % MODULUS):
        raise zipfile.BadZipFile(f"it should hold {number:,} entries, but lists {len(infos):,}")
    before = min((info.header_offset for info in infos), default=0)
    if before > SPANNING_MARK:
        raise zipfile.BadZipFile(f"{before:,} bytes that are none of its entries stand before them")


def _demand_readable(path: Path, info: zipfile.ZipInfo) -> None:
    if info.flag_bits & ENCRYPTED:
        why = "needs a password. Pack it anew without one."
    elif info.compress_type not in METHODS:
        why = f"is packed by method {info.compress_type}, which is not read. Pack it with deflate."
    elif info.volume:
        why = "lies in another file of a set. Pack all into one."
    elif (size := _dictionary(path, info)) > LARGEST_DICTIONARY:
        why = (
            f"must be unpacked with {LARGEST_DICTIONARY:,} bytes of memory, but takes {size:,}. "
            "Pack it with deflate."
        )
    else:
        return
    raise DataError(f"{path}: the entry {shown(info.orig_filename)} {why}")


def _dictionary(path: Path, info: zipfile.ZipInfo) -> int:
    """Bytes that unpacking an entry holds in memory, as LZMA's properties at its start say."""
    if info.compress_type != zipfile.ZIP_LZMA:
        return 0
    with path.open("rb") as file:
        file.seek(info.header_offset + 26)
        file.seek(sum(struct.unpack("<HH", file.read(4))), os.SEEK_CUR)
        return int(struct.unpack("<5xI", file.read(9))[0])


def _zip_kind(info: zipfile.ZipInfo) -> Literal["file", "folder", "other"]:
    if info.is_dir():
        return "other" if info.file_size else "folder"
    return "file" if stat.S_IFMT(info.external_attr >> 16) in (0, stat.S_IFREG) else "other"


def _untarred(path: Path) -> Iterator[Member]:
    with unpacked(path) as content:
        stream = _Stream(content)
        with tarfile.open(fileobj=stream, mode="r:") as archive:  # type: ignore[call-overload]
            while (info := archive.next()) is not None:
                archive.members = []  # otherwise all are held
                yield Member(
                    name=info.name,
                    size=info.size,
                    total=max(archive.offset, info.size),
                    kind=_tar_kind(info),
                    open=BytesIO if info.isdir() else partial(archive.extractfile, info),
                )
            _demand_end(stream, archive.offset)


def _tar_kind(info: tarfile.TarInfo) -> Literal["file", "folder", "other"]:
    if info.isdir():
        return "folder"
    return "file" if info.isreg() else "other"


def _demand_end(stream: "_Stream", offset: int) -> None:
    """See that two blocks of zeros end a tar, and that nothing but zeros follows.

    `tarfile` ends as quietly at a header that it cannot read, or where the file does.
    """
    zeros = bytes(TAR_BLOCK)
    ended = stream.last == zeros and stream.tell() == offset + TAR_BLOCK
    if not ended or stream.read(TAR_BLOCK) != zeros:
        raise tarfile.ReadError("what follows is neither an entry nor the mark of the end")
    while block := stream.read(BLOCK):
        if block.strip(b"\0") or stream.tell() > offset + LONGEST_PADDING:
            raise tarfile.ReadError("something follows the mark of the end")


class _Stream:
    """What tarfile reads from: in pieces of bounded size, of which the last one is kept."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._at = 0
        self.last = b""

    def read(self, size: int) -> bytes:
        if not 0 <= size <= LARGEST_HEADER:
            raise tarfile.ReadError(f"a header must not have {size:,} bytes")
        self.last = self._file.read(size)
        self._at += len(self.last)
        return self.last

    def seek(self, offset: int) -> int:
        """Forwards alone: not every compressed stream can go back."""
        if offset < self._at:
            raise tarfile.ReadError("an entry must not lie before the last one")
        while self._at < offset and self.read(min(BLOCK, offset - self._at)):
            pass
        return self._at

    def tell(self) -> int:
        return self._at
