"""Bringing images in: copied as they are, and listed."""

import hashlib
import shutil
from pathlib import Path
from typing import Any

import pandas as pd

from components.data.images.decoder import UnreadableImageError, header
from components.data.layout import places
from components.data.manifest import write_table
from components.data.source import Image, Source, open_source
from components.frame import files
from components.frame.errors import DataError


def bring(pin: Path, *, source: str, max_unpacked_gib: float, raw: Path, manifest: Path) -> None:
    """Copy the images of `source` into the folder `raw` and list them in `manifest`.

    Raises:
        DataError: they are others than the pin names.
    """
    opened = open_source(source, max_unpacked_gib=max_unpacked_gib)
    _check_pin(opened, files.read_yaml(pin), source)
    shutil.rmtree(raw, ignore_errors=True)
    table = _with_places([_copy(image, raw) for image in opened.images()])
    write_table(manifest, table)
    print(f"{len(table):,} images in {table['class'].nunique()} classes from {source}")


def _check_pin(source: Source, pin: dict[str, Any], name: str) -> None:
    if source.fingerprint() != pin["sha256"]:
        raise DataError(
            f"the images of {name} must be those that data/source.yaml pins, but they have "
            "changed. Take the new ones: thawline sync"
        )


def _copy(image: Image, raw: Path) -> dict[str, Any]:
    """Write one image below `raw`; its row of the manifest, size null where no header is read."""
    content = image.content
    target = raw / image.name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    try:
        width, height, mode = header(content)
    except UnreadableImageError:
        width, height, mode = None, None, None
    return {
        "path": image.name,
        "width": width,
        "height": height,
        "mode": mode,
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def _with_places(rows: list[dict[str, Any]]) -> pd.DataFrame:
    table = pd.DataFrame(rows)
    placed = places(table["path"])
    table["class"] = [placed[name].label for name in table["path"]]
    table["subset"] = pd.array([placed[name].subset for name in table["path"]], dtype="string")
    columns = ["path", "class", "subset", "width", "height", "mode", "bytes", "sha256"]
    return table[columns].astype({"width": "Int64", "height": "Int64", "mode": "string"})
