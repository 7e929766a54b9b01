"""Find images that cannot be trusted, and stop where too much of the data is bad."""

from typing import Annotated

from pydantic import Field

from components.frame.params import Params
from components.frame.spec import In, Out
from components.frame.stage import run


class ValidateParams(Params):
    """What is still good enough."""

    max_bad_fraction: Annotated[float, Field(ge=0, le=1)] = 0.01
    """Broken, tiny, blank or contradictory images, of all; more stop the run."""
    min_per_class: Annotated[int, Field(ge=3)] = 3
    """Usable images a class needs; at least one each to train, select and test on."""
    min_side: Annotated[int, Field(ge=1)] = 8
    """Shorter images are left out, pixels."""


def validate(
    params: ValidateParams, *, manifest: In, raw: In, images: Out, quarantine: Out, report: Out
) -> None:
    """Decode every image once, fully; list broken, tiny, blank, doubled and contradictory ones."""
    from components.data.validation import Limits, sift

    limits = Limits(**params.model_dump())
    sift(manifest, raw, limits, images=images, quarantine=quarantine, report=report)


if __name__ == "__main__":
    run(validate)
