"""Entries of known size on disk within a byte budget; the least useful one goes first.

Which one that is follows GreedyDual-Size (Cao and Irani, USENIX ITS 1997): an entry's priority is
what a use of it saves, per byte, plus the priority of the last entry that had to go. So a large
entry that saves little goes early, and what nobody uses any more goes in the end. No clock is
asked: the same uses in the same order end in the same entries.
"""

import fcntl
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from components.frame import files

ABOUT_BYTES = 4096
"""Set aside for an entry's description, and once for the folder's own small files."""
RESERVE = 2**30
"""Bytes of the disk that are left free, for checkpoints, outputs and everyone else."""
FOLDER = "features"
"""Where the entries lie, below the cache that the stages share."""
VALIDATION = "validation"
"""Names the images that are not augmented, where others name a view."""
VALUES, ABOUT, FLOOR, LOCK = ".bin", ".json", "floor.json", "lock"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Values on disk, and what is known of them."""

    key: str
    size: int
    """Bytes of its values."""
    saves: int
    """Multiply-accumulates that each use saves."""
    about: dict[str, Any]
    priority: float = 0.0


class EntryStore:
    """A folder of entries. What changes it is to be called under the lock."""

    def __init__(self, folder: Path, budget: int) -> None:
        """`budget` is the most that all files in `folder` may hold together, bytes."""
        self.folder = folder
        self.budget = budget

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Wait until no other process changes the folder; what dead ones left half done goes."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / LOCK).open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            self._sweep()
            yield

    def path(self, key: str) -> Path:
        """Where the values of an entry lie."""
        return self.folder / f"{key}{VALUES}"

    def entries(self) -> list[Entry]:
        """All whole entries, the most useful first."""
        entries = [_read(path) for path in self._about_files()]
        whole = [entry for entry in entries if entry is not None]
        return sorted(whole, key=lambda entry: (-entry.priority, entry.key))

    def use(self, key: str) -> Entry | None:
        """The entry, which is the more worth keeping for it; None where there is none."""
        entry = _read(self.folder / f"{key}{ABOUT}")
        return None if entry is None else self._describe(entry)

    def within_budget(self, size: int, in_use: Collection[str]) -> bool:
        """Whether an entry of `size` bytes fits beside what is in use, were the disk endless."""
        kept = sum(footprint(entry) for entry in self.entries() if entry.key in in_use)
        return kept + size + 2 * ABOUT_BYTES <= self.budget

    def make_room(self, size: int, in_use: Collection[str]) -> bool:
        """Have entries go until one of `size` bytes fits; false, and none goes, if it cannot."""
        size += 2 * ABOUT_BYTES
        entries = self.entries()
        kept = sum(footprint(entry) for entry in entries if entry.key in in_use)
        total = sum(footprint(entry) for entry in entries)
        limit = min(self.budget, total + self.spare())
        if kept + size > limit:
            return False
        for entry in reversed([entry for entry in entries if entry.key not in in_use]):
            if total + size <= limit:
                break
            self._raise_floor(entry.priority)
            self.remove(entry.key)
            total -= footprint(entry)
        return True

    def spare(self) -> int:
        """Bytes that entries may still take on the disk: it is never filled up."""
        return max(0, shutil.disk_usage(self.folder).free - RESERVE)

    @contextmanager
    def adding(self, entry: Entry) -> Iterator[BinaryIO]:
        """A file for the values of an entry, which exists when the block ends well.

        Raises:
            UnreachableError: the disk is full.
        """
        with files.replacing(self.path(entry.key)) as temporary, temporary.open("wb") as file:
            yield file
            file.flush()
        self._describe(entry)

    def remove(self, key: str) -> None:
        """Take an entry away; who still reads it can go on."""
        (self.folder / f"{key}{ABOUT}").unlink(missing_ok=True)
        self.path(key).unlink(missing_ok=True)

    def clear(self) -> int:
        """Take all entries away; how many bytes that frees."""
        entries = self.entries()
        for entry in entries:
            self.remove(entry.key)
        return sum(footprint(entry) for entry in entries)

    def _describe(self, entry: Entry) -> Entry:
        path = self.folder / FLOOR
        floor = files.read_json(path) if path.exists() else 0.0
        entry = replace(entry, priority=floor + entry.saves / max(1, entry.size))
        files.write_json(self.folder / f"{entry.key}{ABOUT}", asdict(entry))
        return entry

    def _raise_floor(self, priority: float) -> None:
        files.write_json(self.folder / FLOOR, priority)

    def _about_files(self) -> list[Path]:
        return sorted(path for path in self.folder.glob(f"[!.]*{ABOUT}") if path.name != FLOOR)

    def _sweep(self) -> None:
        """Remove whatever is not of a whole entry: the values' size tells."""
        whole = {FLOOR, LOCK}
        for path in self._about_files():
            entry = _read(path)
            values = self.path(path.stem)
            if entry and values.exists() and values.stat().st_size == entry.size:
                whole |= {path.name, values.name}
        for path in sorted(self.folder.iterdir()):
            if path.suffix in {VALUES, ABOUT} and path.name not in whole:
                path.unlink()


def _read(path: Path) -> Entry | None:
    """An entry's description, if there is one that this code understands."""
    try:
        return Entry(**files.read_json(path))
    except (FileNotFoundError, TypeError, ValueError):
        return None


def footprint(entry: Entry) -> int:
    """Bytes that an entry takes, description included."""
    return entry.size + ABOUT_BYTES
