"""Assign every image to train, validation or test, once and for all."""

import re
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from components.frame.params import Params
from components.frame.spec import In, Out
from components.frame.stage import run


class SplitParams(Params):
    """How large the splits are, and what must stay together."""

    test_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Of the images, kept for the one test; where the source brought no test split."""
    val_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Of the images, on which models are selected; where the source brought no such split."""
    group_by: str | None = None
    """A regular expression with one group: equal matches stay in one split; such as
    `([^/]+)_[0-9]+[.]jpg$`, for one person or one plant; `null`: each image for itself."""

    @field_validator("group_by")
    @classmethod
    def _has_one_group(cls, pattern: str | None) -> str | None:
        try:
            groups = 1 if pattern is None else re.compile(pattern).groups
        except re.error as error:
            raise ValueError(
                f"must be a regular expression with one group, but {pattern!r} is not: {error}"
            ) from None
        if groups != 1:
            raise ValueError(
                f"must be a regular expression with one group, but {pattern!r} has {groups}"
            )
        return pattern

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
