"""Build the training augmentation, as a family indexed by magnitude, and show it."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from components.frame.effects import NoEffect
from components.frame.params import Params, PathOr
from components.frame.spec import In, Out
from components.frame.stage import run
from components.frame.work import Work

POLICIES = ("light", "trivial", "rand")
MOVES = ("rotate", "shift", "shear")


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
    policy: Annotated[str, Field(min_length=1), PathOr(POLICIES)] = "light"
    """What training makes of an image, or a file of albumentations; `light`: turns, crops and
    changes of light; `trivial`: one of fourteen operations (TrivialAugment); `rand`: two of them
    (RandAugment); a file: a pipeline as albumentations.save writes it, JSON or YAML, after the
    crop."""
    horizontal_flip: Literal["auto"] | bool = "auto"
    """Whether training may mirror images; that would change letters, digits and hands, while
    flowers and waste bear it; `auto`: where mirror images are still known for what they show."""
    vertical_flip: bool = False
    """Whether training may turn images upside down; satellites and microscopes see no top."""
    rotate: Annotated[float, Field(ge=0, le=60)] = 5.0
    """Degrees that `light` turns each way, a step of magnitude."""
    shift: Annotated[float, Field(ge=0, le=0.3)] = 0.0
    """Fraction of the side that `light` moves each way, a step of magnitude."""
    shear: Annotated[float, Field(ge=0, le=20)] = 0.0
    """Degrees that `light` shears each way, a step of magnitude."""
    zoom: Annotated[float, Field(ge=0, le=0.3)] = 0.2
    """Fraction of the area that a crop may lose, a step of magnitude."""
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
        *(
            NoEffect(
                parameter=f"augment.{name}",
                beside="search.magnitude",
                holds=lambda _, magnitudes: not any(magnitudes),
                why="magnitude 0 changes no image",
                remedy="search.magnitude=1",
            )
            for name in ("policy", "horizontal_flip", "vertical_flip", *MOVES, "zoom")
        ),
        *(
            NoEffect(
                parameter=f"augment.{name}",
                beside="augment.policy",
                holds=lambda _, policy: policy != "light",
                why="only `light` goes by it",
                remedy="augment.policy=light",
            )
            for name in MOVES
        ),
    )


def augment(
    params: AugmentParams,
    *,
    splits: In,
    raw: In,
    model: In,
    config: In,
    pipeline: In,
    augmentation: Out,
    preview: Out,
    work: Work,
) -> None:
    """Write the evaluation transform and the augmentation family, and a sheet of examples."""
    from components.figures.augmenting import build

    build(
        splits,
        raw,
        model,
        config,
        work=work,
        pipeline=pipeline,
        augmentation=augmentation,
        preview=preview,
        **params.model_dump(),
    )


if __name__ == "__main__":
    run(augment)
