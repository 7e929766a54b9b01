"""Bringing images in: copied as they are, and listed."""

import hashlib
import shutil
from itertools import count
from pathlib import Path
from typing import Any

import pandas as pd

from components.data.images.decoder import UnreadableImageError, header
from components.data.layout import places
from components.data.manifest import read_table, write_table
from components.data.source import DIGITS, Image, Source, open_source
from components.frame import files
from components.frame.apart import require_apart
from components.frame.errors import DataError


def bring(pin: Path, *, source: str, max_unpacked_gib: float, raw: Path, manifest: Path) -> None:
    """Copy the images of `source` into the folder `raw` and list them in `manifest`.

    What lies in `raw` and was not put there by the run before is moved aside, never removed.

    Raises:
        DataError: they are others than the pin names.
        UsageError: the source is what a run replaces.
    """
    if source != DIGITS:
        require_apart("ingest.source", source, Path.cwd())
    opened = open_source(source, max_unpacked_gib=max_unpacked_gib)
    _check_pin(opened, files.read_yaml(pin), source)
    _set_aside(_strangers(raw, manifest, opened), raw)
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


def _strangers(raw: Path, manifest: Path, source: Source) -> list[Path]:
    """The files in `raw` that neither a run put there nor the source holds as well."""
    listed = read_table(manifest) if manifest.exists() else pd.DataFrame(columns=["path", "sha256"])
    known = dict(zip(listed["path"], listed["sha256"], strict=True))
    digests = {path: files.sha256(path) for path in sorted(raw.rglob("*")) if path.is_file()}
    strange = {
        path: digest
        for path, digest in digests.items()
        if known.get(path.relative_to(raw).as_posix()) != digest
    }
    for image in source.images() if strange else ():
        torn = raw / image.name  # a killed run may have written its beginning
        if torn in strange and image.content.startswith(torn.read_bytes()):
            del strange[torn]
        offered = hashlib.sha256(image.content).hexdigest()
        strange = {path: digest for path, digest in strange.items() if digest != offered}
    return list(strange)


def _set_aside(strangers: list[Path], raw: Path) -> None:
    """Move files out of `raw`, each as it lay there, and say where they are."""
    if not strangers:
        return
    numbers = (raw.with_name(f"{raw.name}.aside-{number}") for number in count(1))
    place = next(folder for folder in numbers if not folder.exists())
    for path in strangers:
        target = place / path.relative_to(raw)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(path, target)
    print(
        f"files in {raw.name} that no run put there, {len(strangers):,} in all, were moved to "
        f"{place.parent.name}/{place.name}; to use them, name a folder of theirs as ingest.source"
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
