"""What a search tries and what it keeps of each trial."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, nan
from typing import Any, Literal, Self

from components.training.history import Epoch
from components.training.recipe import CHOICES, Setting

Origin = Literal["enqueued", "rule", "sampled", "repeated"]
Stage = Literal["full", "probe", "confirmation"]
State = Literal["complete", "pruned", "failed"]

LATE = 2 / 3
"""The fraction of its epochs after which a trial must have reached its pruning threshold: the rate
is on its way down by then, and what it costs can be seen."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A trial that a strategy wants."""

    setting: Setting
    origin: Origin
    stage: Stage
    epochs: int
    """How long the schedule is."""
    pruning_threshold: float | None = None
    """It ends early if its score is lower than this `LATE` in its epochs, or folds."""

    @classmethod
    def of(cls, entered: Mapping[str, Any]) -> Self:
        """What was asked for, as a study has it: the fields, and those of its setting."""
        return cls(**{**entered, "setting": Setting(**entered["setting"])})

    def falls_short(self, part: int, score: float, parts: int | None = None) -> bool:
        """Whether it ends early after a part, from 1, of so many; by default after an epoch."""
        parts = parts or self.epochs
        late = part == ceil(parts * LATE) < parts
        return late and self.pruning_threshold is not None and score < self.pruning_threshold


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A finished trial."""

    number: int
    state: State
    """A probe counts as `pruned`: its score is none of a full trial."""
    origin: Origin
    stage: Stage
    layer: str
    """The first trained one."""
    trained_fraction: float
    setting: Setting
    history: tuple[Epoch, ...]
    cost: int
    """Multiply-accumulates it took, what it put into the cache included."""
    cached: bool
    why: str
    """Why it ran from the images instead of the cache."""
    audit: tuple[Mapping[str, Any], ...]
    """What was in force for each group of layers."""

    @property
    def freeze_depth(self) -> int:
        """The first trained group."""
        return self.setting.freeze_depth

    @property
    def learning_rate(self) -> float:
        """Of the optimizer at its highest."""
        return self.setting.learning_rate

    @property
    def score(self) -> float:
        """The validation score of the last epoch; not a number where there is none."""
        return self.history[-1].validation_score if self.history else nan

    @property
    def error(self) -> float:
        """Its standard error; not a number where there is none."""
        return self.history[-1].validation_score_error if self.history else nan

    @property
    def validation_loss(self) -> float:
        """Of the last epoch; not a number where there is none."""
        return self.history[-1].validation_loss if self.history else nan

    @property
    def kind(self) -> str:
        """What its score stands for: `full`, `probe`, `confirmation`, or `pruned` (ended early)."""
        early = self.stage != "probe" and self.state == "pruned"
        return "pruned" if early else self.stage

    @property
    def scored(self) -> bool:
        """Whether it is a full trial that reached its end."""
        return self.state == "complete" and self.stage == "full"

    def rank(self) -> tuple[float, float, int]:
        """Sorts trials from the worst to the best; of equal ones the first is the better."""
        return self.score, -self.validation_loss, -self.number

    def row(self) -> dict[str, Any]:
        """As a line of `trials.csv`."""
        return {
            "number": self.number,
            "state": self.state,
            "origin": self.origin,
            "stage": self.stage,
            "freeze_depth": self.freeze_depth,
            "layer": self.layer,
            "trained_fraction": self.trained_fraction,
            "learning_rate": self.learning_rate,
            **{name: getattr(self.setting, name) for name in CHOICES},
            "epochs": len(self.history),
            "validation_score": self.score,
            "validation_score_error": self.error,
            "validation_loss": self.validation_loss,
            "cost": self.cost,
            "cached": self.cached,
            "why": self.why,
        }
