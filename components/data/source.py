"""Where images come from: the built-in digits, a folder with a sub-folder a class, or an archive.

A source is only ever read. Nothing heavy is imported before images are asked for.
"""

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from components.data.archive import Archive
from components.data.entry import Entry, Hasher, fingerprint_of, shown
from components.data.folder import Folder
from components.data.naming import ENDINGS
from components.frame import files
from components.frame.errors import UsageError

DIGITS = "digits"


class Source(Protocol):
    """Where images come from."""

    def fingerprint(self, hasher: Hasher = files.sha256) -> str:
        """SHA-256 over relative names and contents: equal wherever the same images lie."""
        ...

    def entries(self) -> Iterator[Entry]:
        """Every image with its content; by name alone, other files and the folders.

        Raises:
            DataError: there is no image, or what there is cannot be taken as it is.
        """
        ...


def open_source(text: str, *, max_unpacked_gib: float = 20) -> Source:
    """Find what `ingest.source` names.

    Raises:
        UsageError: there is no such folder or archive.
    """
    if text == DIGITS:
        return Digits()
    path = os.path.expanduser(text)  # noqa: PTH111  # without an error where there is no such user
    if os.path.isdir(path):  # noqa: PTH112  # so too where no disk could have such a name
        return Folder(Path(path))
    exists = os.path.exists(path)  # noqa: PTH110  # likewise
    if exists and Path(path).is_file() and path.lower().endswith(ENDINGS):
        return Archive(Path(path), int(max_unpacked_gib * 2**30))
    what = "is neither a folder nor an archive" if exists else "does not exist"
    raise UsageError(
        f"ingest.source must be `{DIGITS}`, a folder with a sub-folder a class, or one of those "
        f"as {', '.join(ENDINGS)}, but {shown(text)} {what}. "
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

    def entries(self) -> Iterator[Entry]:
        """`CLASS/NUMBER.png`, the values 0 to 16 spread over 0 to 255."""
        import cv2
        from sklearn.datasets import load_digits

        digits = load_digits()
        grey = (digits.images * (255 / 16)).round().astype("uint8")
        for number, (image, label) in enumerate(zip(grey, digits.target, strict=True)):
            content: bytes = cv2.imencode(".png", image)[1].tobytes()
            yield Entry(f"{label}/{number:04}.png", content)
