"""Images decoded and shrunk once, memory-mapped: what search and train read instead of files.

An entry is named by all that its bits depend on, and appears whole or not at all.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import PIL
from numpy.typing import NDArray

from components.data.images import decoder, transform
from components.data.images.transform import Transform
from components.frame import files

FILLING = ".filling-"
"""Begins the name of a folder that is not whole yet."""
Progress = Callable[[int, int], None]
"""Called with images done and their total."""


class Pixels:
    """Shrunk images by index, each (height, width, 3) of 0..255; only what is asked for is read."""

    def __init__(self, folder: Path) -> None:
        self.key = folder.name
        """Names the images and how they were decoded."""
        self._shapes: NDArray[np.int64] = np.load(folder / "shapes.npy")
        ends = np.cumsum(self._shapes.prod(axis=1) * 3)
        self._starts = np.concatenate([[0], ends[:-1]])
        self._values = np.memmap(folder / "values.bin", dtype=np.uint8, mode="r")

    def __len__(self) -> int:
        """How many images there are."""
        return len(self._shapes)

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        """The image at `index`."""
        height, width = self._shapes[index]
        start = self._starts[index]
        return self._values[start : start + height * width * 3].reshape(height, width, 3)


def pixels(
    paths: Sequence[Path],
    digests: Sequence[str],
    shrink: Transform,
    cache: Path,
    progress: Progress,
) -> Pixels:
    """The images at `paths`, whose contents have the SHA-256 `digests`, from the cache or now.

    Raises:
        DataError: a file is gone or cannot be decoded.
    """
    folder = cache / "pixels" / _key(digests, shrink)
    if not folder.exists():
        _fill(folder, paths, shrink, progress)
    return Pixels(folder)


def _key(digests: Sequence[str], shrink: Transform) -> str:
    code = [files.sha256(Path(str(module.__file__))) for module in (decoder, transform)]
    libraries = [np.__version__, PIL.__version__, cv2.__version__]
    content = files.canonical([list(digests), shrink.resize, code, libraries])
    return hashlib.sha256(content).hexdigest()[:16]


def _fill(folder: Path, paths: Sequence[Path], shrink: Transform, progress: Progress) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    files.remove_abandoned(folder.parent.glob(f"{FILLING}*"))
    temporary = Path(tempfile.mkdtemp(prefix=FILLING, dir=folder.parent))
    held = files.hold(temporary)
    try:
        _write(temporary, paths, shrink, progress)
        temporary.rename(folder)
    except OSError:
        if not folder.is_dir():  # else another process was first: the same bits
            raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        os.close(held)


def _write(folder: Path, paths: Sequence[Path], shrink: Transform, progress: Progress) -> None:
    shapes = np.empty((len(paths), 2), dtype=np.int64)
    with files.replacing(folder / "values.bin") as values, values.open("wb") as stream:
        for index, path in enumerate(paths):
            image = shrink.shrink(decoder.read(path))
            shapes[index] = image.shape[:2]
            stream.write(image.tobytes())
            progress(index + 1, len(paths))
    with files.replacing(folder / "shapes.npy") as target:
        np.save(target, shapes)
