"""Build the training augmentation, as a family indexed by magnitude, and show it."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from components.frame.effects import NoEffect
from components.frame.params import Params
from components.frame.spec import In, Out
from components.frame.stage import run


class AugmentParams(Params):
    """What the network gets to see."""

    task: Annotated[str, Field(min_length=1)] = "classification"
    """What is learned; augmentation has to move its targets too."""
    image_size: Literal["auto"] | Annotated[int, Field(ge=16, le=2048)] = "auto"
    """Side of the square images, pixels; `auto`: near the images' own short side, from 48 up to
    the size the weights were trained at."""
    image_size_limit: Annotated[int, Field(ge=16, le=2048)] | None = None
    """The most that `auto` takes, pixels; the cost of training goes with its square."""
    crop_fraction: Annotated[float, Field(gt=0.5, le=1)] = 1.0
    """Side of the central crop when an image is judged, of its short side."""
    horizontal_flip: bool = False
    """Whether training may mirror images; that would change letters, digits and hands, while
    flowers and waste bear it."""
    preview_images: Annotated[int, Field(ge=1, le=40)] = 10
    """Rows of build/augment/preview.png, at most."""

    no_effect: ClassVar = (
        NoEffect(
            parameter="augment.image_size_limit",
            beside="augment.image_size",
            holds=lambda _, size: size != "auto",
            why="it bounds what `auto` takes",
            remedy="augment.image_size=auto",
        ),
        NoEffect(
            parameter="augment.horizontal_flip",
            beside="search.magnitude",
            holds=lambda _, magnitudes: not any(magnitudes),
            why="magnitude 0 changes no image",
            remedy="search.magnitude=1",
        ),
    )


def augment(
    params: AugmentParams, *, splits: In, raw: In, config: In, augmentation: Out, preview: Out
) -> None:
    """Write the evaluation transform and the augmentation family, and a sheet of examples."""
    from components.figures.augmenting import build

    build(splits, raw, config, augmentation=augmentation, preview=preview, **params.model_dump())


if __name__ == "__main__":
    run(augment)
