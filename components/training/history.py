"""What a fit tells of each epoch, and what it ended with."""

from collections.abc import Callable
from dataclasses import dataclass

from components.model.audit import GroupReport


@dataclass(frozen=True)
class Epoch:
    """What an epoch ended with."""

    epoch: int
    """From 1."""
    train_loss: float
    train_accuracy: float
    """On the augmented images, as they were trained on."""
    validation_loss: float
    validation_accuracy: float
    learning_rate: float
    """At its last step."""


@dataclass(frozen=True)
class Fit:
    """What a fit ended with."""

    history: tuple[Epoch, ...]
    best: Epoch
    """The first with the highest validation accuracy, of equal ones that with the lowest loss."""
    audit: tuple[GroupReport, ...]
    """What was in force for each group."""
    parts: int = 1
    """How many parts a batch was taken in at the end, since memory held no more."""


OnEpoch = Callable[[Epoch, float, float], bool]
"""Called after each epoch with its seconds and images a second; True ends the fit.

A fit that goes on after a kill calls it again for the epochs that it already had.
"""
