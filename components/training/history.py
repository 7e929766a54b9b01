"""What a fit went through and what it ended with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from components.model.audit import GroupReport
from components.training.soup import Soup
from components.training.validate import Validated


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """What an epoch ended with."""

    epoch: int
    """From 1."""
    train_loss: float
    train_score: float
    """On the augmented images, as they were trained on."""
    validation_loss: float
    validation_score: float
    validation_score_error: float
    """The standard error of the score."""
    learning_rate: float
    """At its last step."""

    @property
    def validation(self) -> Validated:
        """What it reached."""
        return Validated(self.validation_loss, self.validation_score, self.validation_score_error)

    @property
    def rank(self) -> tuple[float, float]:
        """Sorts epochs from the worst to the best."""
        return self.validation.rank


@dataclass(frozen=True, kw_only=True)
class Fit:
    """What a fit ended with."""

    history: tuple[Epoch, ...]
    best: Epoch
    """The first with the highest validation score, of equal ones that with the lowest loss."""
    audit: tuple[GroupReport, ...]
    """What was in force for each group."""
    parts: int = 1
    """How many parts a batch was taken in at the end, since memory held no more."""
    techniques: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What each technique did, by its name."""
    soup: Soup | None = None
    """What the weights were averaged of, where that was asked for."""

    @property
    def validation(self) -> Validated:
        """What the weights that were kept reach."""
        return (self.soup or self.best).validation


OnEpoch = Callable[[Epoch, float, float], bool]
"""Called after each epoch with its seconds and images a second; True ends the fit.

A fit that goes on after a kill calls it again for the epochs that it already had.
"""
