"""Build the training augmentation, as a family indexed by magnitude, and show it."""

from typing import Annotated, Literal

from pydantic import Field

from components.frame.params import Params
from components.frame.spec import In, Out
from components.frame.stage import run


class AugmentParams(Params):
    """What the network gets to see."""

    task: Annotated[str, Field(min_length=1)]
    """What is learned, which augmentation has to respect: `classification`."""
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
    from components.figures.augmenting import build

    build(splits, raw, config, augmentation=augmentation, preview=preview, **params.model_dump())


if __name__ == "__main__":
    run(augment)
