"""Reading a file of weights without running anything in it: tensors, and what it says of them."""

import warnings
import zipfile
from argparse import Namespace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch.serialization import get_unsafe_globals_in_checkpoint, safe_globals

from components.frame.errors import DataError
from components.model.weights.stated import facts

HEADER = 8
"""Bytes at the start of a safetensors file that tell how long its header is."""
LONGEST_HEADER = 10**7
"""Bytes; a network of 10,000 tensors has a tenth of it."""
POINTER = b"version h"
"""So begins what git-lfs leaves in the place of a file that it did not fetch."""
REMEDY = "Fetch it again, or have its owner save model.state_dict() as safetensors."


def read(path: Path) -> tuple[Any, dict[str, Any]]:
    """What a file holds, and what it states of that in the words of `PretrainedWeights`.

    Its content decides how it is read, not its name. Of objects, tensors, plain containers, numbers
    and the options of a training (`argparse.Namespace`) are read, and no others.

    Raises:
        DataError: it is no whole file of weights, or holds something else.
    """
    try:
        with path.open("rb") as file:
            start = file.read(HEADER + 1)
        if start == POINTER:
            raise DataError(f"{path} is only git-lfs's pointer to a file. Fetch it: git lfs pull")
        if start[HEADER:] == b"{":
            return _safetensors(path, int.from_bytes(start[:HEADER], "little"))
        return _checkpoint(path), {}
    except OSError as error:
        raise DataError(f"{path} must be readable, but is not ({error}). Allow it.") from None


def _safetensors(path: Path, header: int) -> tuple[Any, dict[str, Any]]:
    if header > LONGEST_HEADER:
        raise DataError(
            f"{path}: the header must be below {LONGEST_HEADER:,} bytes, but is said to be "
            f"{header:,}. {REMEDY}"
        )
    try:
        with safe_open(path, framework="pt") as file:
            stated = facts(file.metadata() or {}, path.name)
            return {key: file.get_tensor(key) for key in file.keys()}, stated  # noqa: SIM118  # not a mapping
    except (SafetensorError, RuntimeError, TypeError, ValueError) as error:
        raise DataError(f"{path} must be a whole file of weights, but: {error}. {REMEDY}") from None


def _checkpoint(path: Path) -> Any:  # noqa: ANN401  # whatever the file holds
    _check_stored(path)
    try:
        with warnings.catch_warnings(), safe_globals([Namespace]), path.open("rb") as file:
            warnings.simplefilter("ignore")  # of old pickle protocols, which are refused or fine
            return torch.load(file, map_location="cpu", weights_only=True)
    except Exception:  # noqa: BLE001  # a damaged pickle can make its reader raise anything
        held = _objects(path)
        what = f"holds {held}" if held else "is damaged or holds code"
        raise DataError(
            f"{path} must be a whole file of weights and nothing else, but {what}. {REMEDY}"
        ) from None


def _check_stored(path: Path) -> None:
    """See that an archive unpacks to no more than itself, as those that torch writes."""
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
    unpacked, size = sum(one.file_size for one in entries), path.stat().st_size
    if any(one.compress_type for one in entries) or unpacked > size:
        raise DataError(
            f"{path} must hold its tensors as torch.save writes them, but its {size:,} bytes are "
            f"{unpacked:,} when unpacked. {REMEDY}"
        )


def _objects(path: Path) -> str:
    """The classes of the objects in an archive that are not read, as far as they can be told."""
    try:
        with safe_globals([Namespace]):
            return ", ".join(sorted(get_unsafe_globals_in_checkpoint(path))[:3])
    except Exception:  # noqa: BLE001  # as above; what cannot be told is not told
        return ""
