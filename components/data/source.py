"""Where images come from: the built-in digits, a folder with a sub-folder a class, or an archive.

A source is only ever read. Nothing heavy is imported before images are asked for.
"""

import hashlib
import os
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Protocol

from components.frame import files
from components.frame.errors import DataError, UsageError

SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"})
ARCHIVES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".zip")
DIGITS = "digits"
SHOWN = 5
"""So many examples are named in an error."""

Hasher = Callable[[Path], str]
"""SHA-256 of a file's content; `thawline sync` passes one that remembers."""


@dataclass(frozen=True)
class Image:
    """A file of a source."""

    name: str
    """Relative, with `/`."""
    content: bytes


class Source(Protocol):
    """Where images come from."""

    def fingerprint(self, hasher: Hasher = files.sha256) -> str:
        """SHA-256 over relative names and contents: equal wherever the same images lie."""
        ...

    def images(self) -> Iterator[Image]:
        """Every image, in the order of the names within a folder, of the entries in an archive."""
        ...


def open_source(text: str, *, max_unpacked_gib: float = 20) -> Source:
    """Find what `ingest.source` names.

    Raises:
        UsageError: there is no such folder or archive.
    """
    if text == DIGITS:
        return Digits()
    path = Path(text).expanduser()
    if path.is_dir():
        return Folder(path)
    if path.is_file() and path.name.lower().endswith(ARCHIVES):
        return Archive(path, int(max_unpacked_gib * 2**30))
    what = "is neither a folder nor an archive" if path.exists() else "does not exist"
    raise UsageError(
        f"ingest.source must be `{DIGITS}`, a folder with a sub-folder a class, or one of those "
        f"as {', '.join(ARCHIVES)}, but {text!r} {what}. "
        "Name another: thawline run --set ingest.source=PATH"
    )


class Digits:
    """scikit-learn's handwritten digits: 1,797 grey images of 8 x 8 pixels, UCI, CC BY 4.0."""

    def fingerprint(self, hasher: Hasher = files.sha256) -> str:
        """Over the one data file inside the installed package."""
        package = find_spec("sklearn")
        if package is None or package.origin is None:
            raise UsageError("ingest.source `digits` needs scikit-learn. Install it: make setup")
        table = Path(package.origin).parent / "datasets" / "data" / "digits.csv.gz"
        return fingerprint_of([(table.name, hasher(table))])

    def images(self) -> Iterator[Image]:
        """`CLASS/NUMBER.png`, the values 0 to 16 spread over 0 to 255."""
        import cv2
        from sklearn.datasets import load_digits

        digits = load_digits()
        grey = (digits.images * (255 / 16)).round().astype("uint8")
        for number, (image, label) in enumerate(zip(grey, digits.target, strict=True)):
            content: bytes = cv2.imencode(".png", image)[1].tobytes()
            yield Image(f"{label}/{number:04}.png", content)


class Folder:
    """A folder of the user's own; links and files of other kinds are named, never followed."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def fingerprint(self, hasher: Hasher = files.sha256) -> str:
        """Over the relative names and contents of the images."""
        return fingerprint_of((name, hasher(path)) for name, path in self._files())

    def images(self) -> Iterator[Image]:
        """Every image file, sorted by name."""
        for name, path in self._files():
            yield Image(name, path.read_bytes())

    def _files(self) -> list[tuple[str, Path]]:
        images: list[tuple[str, Path]] = []
        strange: list[str] = []
        for path in _walk(self.path):
            name = path.relative_to(self.path).as_posix()
            if path.is_symlink() or not stat.S_ISREG(path.lstat().st_mode):
                strange.append(name)
            elif not os.access(path, os.R_OK):
                raise DataError(f"{path} must be readable. Allow it: chmod u+r {path}")
            elif is_image(name):
                images.append((name, path))
        if strange:
            raise DataError(
                f"{self.path}: links, pipes and devices are not taken for images, but there are "
                f"{_some(strange)}. Put the images themselves there, or remove these."
            )
        if not images:
            raise DataError(
                f"no images in {self.path}; names end in {', '.join(sorted(SUFFIXES))}."
            )
        return sorted(images)


class Archive:
    """A tar or zip; refused as a whole where an entry is not a plain file inside it."""

    def __init__(self, path: Path, max_unpacked: int) -> None:
        self.path = path
        self.max_unpacked = max_unpacked

    def fingerprint(self, hasher: Hasher = files.sha256) -> str:
        """Over the archive's own name and content."""
        return fingerprint_of([(self.path.name, hasher(self.path))])

    def images(self) -> Iterator[Image]:
        """Every image in the order of the entries."""
        opened = self._zip() if zipfile.is_zipfile(self.path) else self._tar()
        unpacked = 0
        any_image = False
        try:
            for name, size, plain, read in opened:
                unpacked += size
                self._check(name, unpacked, plain=plain)
                if is_image(name):
                    any_image = True
                    yield Image(name, read())
        except (tarfile.TarError, zipfile.BadZipFile, EOFError) as error:
            raise DataError(f"{self.path} cannot be unpacked: {error}. Fetch it again.") from error
        if not any_image:
            raise DataError(
                f"no images in {self.path}; names end in {', '.join(sorted(SUFFIXES))}."
            )

    def _check(self, name: str, unpacked: int, *, plain: bool) -> None:
        parts = PurePosixPath(name.replace("\\", "/")).parts
        if name.startswith(("/", "\\")) or ".." in parts:
            raise DataError(f"{self.path}: the entry {name!r} leaves the folder. Pack it anew.")
        if not plain:
            raise DataError(
                f"{self.path}: the entry {name!r} is a link or a device. Pack the images "
                "themselves."
            )
        if unpacked > self.max_unpacked:
            raise DataError(
                f"{self.path} unpacks to more than ingest.max_unpacked_gib = "
                f"{self.max_unpacked / 2**30:g} GiB (at the entry {name!r}). Raise it if that is "
                "right."
            )

    def _tar(self) -> Iterator[tuple[str, int, bool, Callable[[], bytes]]]:
        with tarfile.open(self.path) as archive:
            for member in archive:
                if not member.isdir():
                    read = partial(_read_member, archive, member)
                    yield member.name.removeprefix("./"), member.size, member.isreg(), read

    def _zip(self) -> Iterator[tuple[str, int, bool, Callable[[], bytes]]]:
        with zipfile.ZipFile(self.path) as archive:
            for member in archive.infolist():
                if not member.is_dir():
                    mode = member.external_attr >> 16
                    plain = stat.S_IFMT(mode) in (0, stat.S_IFREG)
                    yield member.filename, member.file_size, plain, partial(archive.read, member)


def fingerprint_of(named: Iterable[tuple[str, str]]) -> str:
    """SHA-256 over names and their contents' SHA-256, sorted by name."""
    state = hashlib.sha256()
    for name, content in sorted(named):
        state.update(f"{name}\0{content}\n".encode())
    return state.hexdigest()


def is_image(name: str) -> bool:
    """Whether a name is an image's: no hidden file or folder, no system's leftover."""
    path = PurePosixPath(name)
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in path.parts)
    return not hidden and path.suffix.lower() in SUFFIXES


def _walk(folder: Path) -> Iterator[Path]:
    """Everything below `folder` that is no folder itself; links are not followed."""
    for parent, folders, names in os.walk(folder, onerror=_refuse):
        for name in (*folders, *names):
            path = Path(parent) / name
            if not path.name.startswith(".") and (name in names or path.is_symlink()):
                yield path


def _refuse(error: OSError) -> None:
    raise DataError(f"{error.filename} must be readable ({error.strerror}).") from error


def _read_member(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    opened = archive.extractfile(member)
    return opened.read() if opened else b""


def _some(names: list[str]) -> str:
    shown = ", ".join(sorted(names)[:SHOWN])
    rest = len(names) - SHOWN
    return f"{shown} and {rest} more" if rest > 0 else shown
