"""The one way in which files of ours are written and read: whole or not at all."""

import contextlib
import fcntl
import glob
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from functools import lru_cache
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.frame.errors import DataError, UnreachableError, UsageError

if TYPE_CHECKING:
    from torch import Tensor

LARGEST_YAML = 10**6
"""Bytes; more is no file that a person keeps."""
DEEPEST = 200
"""Levels to which libyaml's scanner is trusted: it keeps them on the stack of the process."""
ODD = re.compile("[\\t!|>\x85\u2028\u2029]|^%", re.MULTILINE)
"""What libyaml, which knows YAML 1.1, may read otherwise than YAML 1.2 has it."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path that takes the place of `path` when the block ends well.

    Killed at any moment, `path` holds its old content or its new one, never a part of it; what the
    killed writer leaves is gone once `path` is written again.

    Raises:
        UnreachableError: the disk is full or does not take the file.
    """
    try:
        with _beside(path) as temporary:
            yield temporary
            temporary.chmod(0o666 & ~_umask())
            _flush(temporary)
            temporary.replace(path)
            _flush(path.parent)
    except OSError as error:
        msg = f"{path} could not be written ({error}). Make room or fix the disk, then run again."
        raise UnreachableError(msg) from error


def hold(path: Path) -> int:
    """Keep a temporary file or folder from `remove_abandoned`, until this descriptor is closed.

    The system closes it when the process ends, however it ends.
    """
    descriptor = os.open(path, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


def remove_abandoned(paths: Iterable[Path]) -> None:
    """Remove temporary files and folders of killed writers, as far as we may: nobody holds them."""
    for path in paths:
        with contextlib.suppress(OSError):
            descriptor = os.open(path, os.O_RDONLY)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            finally:
                os.close(descriptor)


def write_tensors(path: Path, tensors: "dict[str, Tensor]", **metadata: str) -> None:
    """Write tensors and what is said of them as safetensors, whole or not at all.

    Raises:
        UnreachableError: the disk is full or does not take the file.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    with replacing(path) as temporary:
        try:
            save_file(tensors, temporary, metadata=metadata or None)
        except SafetensorError as error:  # its name for what the system refused
            raise OSError(str(error)) from error


def read_tensors(path: Path) -> "dict[str, Tensor]":
    """Read the tensors of a safetensors file.

    Raises:
        DataError: it is none, or torn.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors: dict[str, Tensor] = load_file(path)
    except SafetensorError as error:
        raise DataError(f"{path} must hold weights, but: {error}. Run `dvc repro`.") from None
    return tensors


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path`, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, content: str) -> None:
    """Write `content` as UTF-8 to `path`, whole or not at all."""
    write_bytes(path, content.encode())


def write_json(path: Path, content: Any) -> None:  # noqa: ANN401  # whatever JSON can hold
    """Write `content` as indented JSON in the order given; NaN and infinity are refused."""
    write_text(path, json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:  # noqa: ANN401  # whatever JSON can hold
    """Read a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def canonical(content: Any) -> bytes:  # noqa: ANN401  # whatever JSON can hold
    """The one JSON text of `content`, for digests: keys sorted, no spaces."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def read_yaml(path: Path) -> Any:  # noqa: ANN401  # whatever YAML can hold
    """Read a YAML 1.2 file as DVC does: `1e-3` is a number, `no` is a word.

    Raises:
        UsageError: the file is missing, over 1 MB, holds aliases, or is no valid YAML (one with a
            doubled key is not).
    """
    from ruamel.yaml.error import YAMLError

    try:
        if path.stat().st_size > LARGEST_YAML:
            raise UsageError(f"{path} must be below 1 MB, but is larger. Restore it from git.")
        return deepcopy(_parsed(path.read_text(encoding="utf-8"), str(path)))
    except (FileNotFoundError, IsADirectoryError):
        raise UsageError(f"{path} is missing. Restore it: git checkout -- {path}") from None
    except (YAMLError, UnicodeDecodeError) as error:
        what = " ".join(str(error).split())
        raise UsageError(f"{path} must be valid YAML, but: {what}") from None
    except RecursionError:
        raise UsageError(f"{path} must be YAML, but is nested too deep. Restore it.") from None


@lru_cache(maxsize=32)
def _parsed(text: str, name: str) -> Any:  # noqa: ANN401  # whatever YAML can hold
    """What a text holds; the reader takes long, and some files are asked for again and again."""
    from ruamel.yaml import YAML, AliasEvent
    from ruamel.yaml.error import YAMLError

    yaml = YAML(typ="safe", pure=True)
    if "*" in text and any(isinstance(event, AliasEvent) for event in yaml.parse(text)):
        raise UsageError(f"{name} must do without YAML aliases (`*name`). Write them out.")
    if _is_plain(text):
        with contextlib.suppress(YAMLError):  # which the other one words better, or does not have
            return YAML(typ="safe").load(text)
    return yaml.load(text)


def _is_plain(text: str) -> bool:
    """Whether libyaml's scanner, six times as fast, reads a text the same way and to its end."""
    longest = max(map(len, text.splitlines()), default=0)
    return text.count("[") + text.count("{") + longest < DEEPEST and not ODD.search(text)


def write_yaml(path: Path, content: Any, *, comment: str = "") -> None:  # noqa: ANN401  # whatever YAML can hold
    """Write `content` as YAML in the order given, below `comment`."""
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.default_flow_style = False
    text = StringIO()
    yaml.dump(content, text)
    heading = "".join(f"# {line}\n" for line in comment.splitlines())
    write_text(path, heading + text.getvalue())


def sha256(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """A new file in the folder of `path`, which is made; it is gone afterwards.

    So are those that killed writers of `path` left.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    left = f".{glob.escape(path.name)}.????????{glob.escape(path.suffix)}"
    remove_abandoned(path.parent.glob(left))
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    held = hold(temporary)
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)
        os.close(held)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
