"""Bring the images under version control, unchanged, with a manifest."""

from typing import Annotated

from pydantic import Field

from components.frame.params import Params, PathOr
from components.frame.spec import In, Out
from components.frame.stage import run


class IngestParams(Params):
    """Where the images come from."""

    source: Annotated[str, Field(min_length=1), PathOr(("digits",))] = "digits"
    """`digits`, a folder with a sub-folder a class, or a .tar or .zip of one; the folder may hold
    `train`, `val` and `test` of these; in the file, relative paths start at the project."""
    max_unpacked_gib: Annotated[float, Field(gt=0)] = 20.0
    """An archive that unpacks to more is refused, GiB."""


def ingest(params: IngestParams, *, source: In, raw: Out, manifest: Out) -> None:
    """Copy the images that the pin `source` names into `raw` and list them in `manifest`."""
    from components.data.ingestion import bring

    bring(source, raw=raw, manifest=manifest, **params.model_dump())


if __name__ == "__main__":
    run(ingest)
