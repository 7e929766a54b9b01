"""Build the training augmentation, as a family indexed by magnitude, and show it."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from components.frame import files
from components.frame.params import Params
from components.frame.spec import In, Out
from components.frame.stage import run

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from components.data.images.transform import Transform

SMALLEST_SIZE = 48
"""`auto` makes no smaller images: a network that halves five times sees too little below."""
STEP = 16
"""`auto` takes a multiple of this many pixels."""
PREVIEW_DRAWS = 3
"""Draws of each magnitude in the preview."""


class AugmentParams(Params):
    """What the network gets to see."""

    image_size: Literal["auto"] | Annotated[int, Field(ge=16, le=2048)]
    """Side of the square images, pixels; `auto`: near the images' own short side, from 48 up to
    the size the weights were trained at."""
    crop_fraction: Annotated[float, Field(gt=0.5, le=1)]
    """Side of the central crop when an image is judged, as a fraction of its short side."""
    horizontal_flip: bool
    """Whether training may mirror images left to right. It would change letters, digits and
    hands; flowers and waste bear it."""
    preview_images: Annotated[int, Field(ge=1, le=40)]
    """Rows of the preview."""


def augment(
    params: AugmentParams, *, splits: In, raw: In, config: In, augmentation: Out, preview: Out
) -> None:
    """Write the evaluation transform and the augmentation family, and a sheet of examples."""
    from components.data.images.augmentation import family
    from components.data.manifest import read_table

    table = read_table(splits)
    transform = _transform(params, table, files.read_json(config))
    pipelines = family(transform.size, horizontal_flip=params.horizontal_flip)
    content = {"task": "classification", "evaluation": transform.to_dict(), "training": pipelines}
    files.write_json(augmentation, content)
    _draw_preview(params, table, raw, content, preview)
    print(f"images of {transform.size} x {transform.size} pixels")


def _transform(params: AugmentParams, table: "pd.DataFrame", config: dict[str, Any]) -> "Transform":
    from components.data.images.transform import Transform

    size = _auto_size(table, config) if params.image_size == "auto" else params.image_size
    resize = round(size / params.crop_fraction)
    return Transform(size, resize, tuple(config["mean"]), tuple(config["std"]))


def _auto_size(table: "pd.DataFrame", config: dict[str, Any]) -> int:
    native = int(config["input_size"][-1])
    if config["fixed_input_size"]:
        return native
    short = table[["width", "height"]].min(axis=1).median()
    return int(min(max(SMALLEST_SIZE, round(short / STEP) * STEP), native))


def _draw_preview(
    params: AugmentParams, table: "pd.DataFrame", raw: In, content: dict[str, Any], preview: Out
) -> None:
    from components.data.images.decoder import read
    from components.data.images.transform import Transform
    from components.figures.augmentation_preview import save_preview

    transform = Transform.from_dict(content["evaluation"])
    chosen = table[table["split"] == "train"].groupby("class", sort=True).head(3)
    chosen = chosen.sort_values("sha256").head(params.preview_images)
    rows = [
        _row(transform.shrink(read(raw / path)), transform, content["training"])
        for path in chosen["path"]
    ]
    headings = ["original"] + [
        f"magnitude {s}" for s in content["training"] if s != "0" for _ in range(PREVIEW_DRAWS)
    ]
    save_preview(preview, rows, headings, list(chosen["class"]))


def _row(
    image: "NDArray[np.uint8]", transform: "Transform", family: dict[str, Any]
) -> "list[NDArray[np.uint8]]":
    from components.data.images.augmentation import load

    drawn = [
        load(family, int(magnitude))(image, seed)
        for magnitude in family
        if magnitude != "0"
        for seed in range(PREVIEW_DRAWS)
    ]
    return [transform.crop(image), *drawn]


if __name__ == "__main__":
    run(augment)
