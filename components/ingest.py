"""Bring the images under version control, unchanged, with a manifest."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from components.data.layout import places
from components.data.source import Image, Source, open_source
from components.frame import files
from components.frame.errors import DataError
from components.frame.params import Params
from components.frame.spec import In, Out
from components.frame.stage import run

if TYPE_CHECKING:
    import pandas as pd


class IngestParams(Params):
    """Where the images come from."""

    source: Annotated[str, Field(min_length=1)]
    """`digits`, a folder with a sub-folder a class (or `train`, `val`, `test` of these), or a .tar
    or .zip of one; relative paths start at the project."""
    max_unpacked_gib: Annotated[float, Field(gt=0)]
    """An archive that unpacks to more is refused, GiB."""


def ingest(params: IngestParams, *, source: In, raw: Out, manifest: Out) -> None:
    """Copy the images that the pin `source` names into `raw` and list them in `manifest`."""
    from components.data.manifest import write_table

    opened = open_source(params.source, max_unpacked_gib=params.max_unpacked_gib)
    _check_pin(opened, files.read_yaml(source), params.source)
    shutil.rmtree(raw, ignore_errors=True)
    copied = [_copy(image, raw) for image in opened.images()]
    table = _with_places(copied)
    write_table(manifest, table)
    print(f"{len(table):,} images in {table['class'].nunique()} classes from {params.source}")


def _check_pin(source: Source, pin: dict[str, Any], name: str) -> None:
    if source.fingerprint() != pin["sha256"]:
        raise DataError(
            f"the images of {name} must be those that data/source.yaml pins, but they have "
            "changed. Take the new ones: thawline sync"
        )


def _copy(image: Image, raw: Path) -> dict[str, Any]:
    """Write one image below `raw`; its row of the manifest, size null where no header is read."""
    import hashlib

    from components.data.images.decoder import UnreadableImageError, header

    content = image.content
    target = raw / image.name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    try:
        width, height, mode = header(content)
    except UnreadableImageError:
        width, height, mode = None, None, None
    return {
        "path": image.name, "width": width, "height": height, "mode": mode,
        "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest(),
    }  # fmt: skip


def _with_places(rows: list[dict[str, Any]]) -> "pd.DataFrame":
    import pandas as pd

    table = pd.DataFrame(rows)
    found = places(table["path"])
    table["class"] = [found[name].label for name in table["path"]]
    table["subset"] = pd.array([found[name].subset for name in table["path"]], dtype="string")
    columns = ["path", "class", "subset", "width", "height", "mode", "bytes", "sha256"]
    return table[columns].astype({"width": "Int64", "height": "Int64", "mode": "string"})


if __name__ == "__main__":
    run(ingest)
