"""An archive of images: refused as a whole where an entry is not what it should be."""

import re
from collections.abc import Iterator
from pathlib import Path

from components.data.compressions import EXCEEDED, LARGEST_DICTIONARY
from components.data.entry import (
    MOST_ENTRIES,
    Entry,
    Hasher,
    digest,
    fingerprint_of,
    no_images,
    relative,
    shown,
)
from components.data.kinds import HEAD, LARGEST_FILE, is_image, is_leftover
from components.data.unpacking import BLOCK, DAMAGE, Member, members
from components.frame import files
from components.frame.errors import DataError


class Archive:
    """A tar or zip that is whole, and each of whose entries is a plain file inside it."""

    def __init__(self, path: Path, max_unpacked: int) -> None:
        self.path = path
        self.max_unpacked = max_unpacked

    def fingerprint(self, hasher: Hasher = files.sha256) -> str:
        """Over the archive's own name and content."""
        return fingerprint_of([(relative(self.path, self.path.name), digest(self.path, hasher))])

    def entries(self) -> Iterator[Entry]:
        """Every entry in the archive's order, but what systems left there."""
        others: list[str] = []
        any_image = False
        for entry in self._read():
            if entry.content is None:
                others.append(entry.name)
            any_image |= entry.content is not None
            yield entry
        if not any_image:
            raise no_images(self.path, others)

    def _read(self) -> Iterator[Entry]:
        last, names = "its beginning", set[str]()
        try:
            for number, member in enumerate(members(self.path), start=1):
                last = f"the entry {shown(member.name)}"
                self._check_bounds(last, number, member.total)
                name = self._name(last, member)
                if name in names:
                    raise self._fault(f"{last} is packed twice. Pack it anew.")
                names |= {name} if member.kind == "file" else set()
                content = self._content(name, member)
                if name and not is_leftover(name):
                    yield Entry(name + "/" * (member.kind == "folder"), content)
        except DAMAGE as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            if EXCEEDED.search(reason):
                raise self._fault(
                    f"it must be unpacked with {LARGEST_DICTIONARY:,} bytes of memory, but takes "
                    "more. Pack it anew with a smaller dictionary: xz -9, or zstd without --long."
                ) from error
            raise self._fault(
                f"it cannot be unpacked after {last} ({reason}). Fetch it again, or pack it anew."
            ) from error

    def _check_bounds(self, last: str, number: int, total: int) -> None:
        if total > self.max_unpacked:
            raise self._fault(
                f"it unpacks to more than ingest.max_unpacked_gib = "
                f"{self.max_unpacked / 2**30:g} GiB (at {last}). Raise it if that is right."
            )
        if number > MOST_ENTRIES:
            raise self._fault(f"it may hold {MOST_ENTRIES:,} entries at most. Pack fewer.")

    def _name(self, last: str, member: Member) -> str:
        """The name of an entry below the folder that the archive stands for; empty for that one."""
        if member.name.startswith(("/", "\\")) or ".." in re.split(r"[/\\]", member.name):
            raise self._fault(f"{last} leaves the folder. Pack it anew.")
        if "\\" in member.name:
            raise self._fault(f"{last} is named with backslashes. Pack it anew with `/`.")
        name = relative(self.path, member.name)
        if member.kind == "other" or (member.kind == "file" and not name):
            raise self._fault(f"{last} is a link or a device. Pack the images themselves.")
        return name

    def _content(self, name: str, member: Member) -> bytes | None:
        """Of an image; what is none is read to its end as well, so that its sum is compared."""
        with member.open() as file:
            content = bytearray(file.read(BLOCK))
            image = (
                member.kind == "file"
                and not is_leftover(name)
                and is_image(name, lambda: bytes(content[:HEAD]))
            )
            if image and member.size > LARGEST_FILE:
                raise self._fault(
                    f"an image may have {LARGEST_FILE:,} bytes at most, but {shown(name)} has "
                    f"{member.size:,}. Make it smaller, or leave it out."
                )
            read = len(content)
            while block := file.read(BLOCK):
                read += len(block)
                if image:
                    content += block
        if read != member.size:
            raise EOFError(f"{read:,} of {member.size:,} bytes")
        return bytes(content) if image else None

    def _fault(self, what: str) -> DataError:
        return DataError(f"{self.path}: {what}")
