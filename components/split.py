"""Assign every image to train, validation or test, once and for all."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from components.frame.params import Params
from components.frame.spec import In, Out
from components.frame.stage import run


class SplitParams(Params):
    """How large the splits are, and what must stay together."""

    test_fraction: Annotated[float, Field(gt=0, lt=1)]
    """Fraction of the images kept for the one test, where the source brought no test split."""
    val_fraction: Annotated[float, Field(gt=0, lt=1)]
    """Fraction of the images on which models are selected, where the source brought none."""
    group_by: str | None
    """A regular expression with one group, such as `([^/]+)_[0-9]+[.]jpg$`: images whose names
    give the same text stay together (one person, one plant). `null`: each image for itself."""

    @model_validator(mode="after")
    def _leaves_some_to_train(self) -> Self:
        if self.test_fraction + self.val_fraction >= 1:
            sum_ = f"{self.test_fraction} + {self.val_fraction}"
            raise ValueError(f"`test_fraction + val_fraction < 1` must hold, but got {sum_}")
        return self


def split(params: SplitParams, *, images: In, splits: Out, fractions: Out) -> None:
    """Choose splits by a hash of the content, so that no image ever moves as the data grows."""
    from components.data.splitting import assign

    assign(images, splits=splits, fractions=fractions, **params.model_dump())


if __name__ == "__main__":
    run(split)
