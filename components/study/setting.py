"""What a search tries and what it keeps of each trial."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from components.training.device import Precision
from components.training.features import Precision as CachePrecision

Strategy = Literal["staged", "tpe"]
Origin = Literal["enqueued", "rule", "sampled", "repeated"]
Stage = Literal["full", "probe", "fresh"]
State = Literal["complete", "pruned", "failed"]


@dataclass(frozen=True)
class Setting:
    """What a search varies."""

    depth: int
    learning_rate: float


@dataclass(frozen=True)
class Plan:
    """What is asked of a search."""

    strategy: Strategy
    max_trials: int
    """Full trials; probes and repetitions come on top."""
    max_minutes: float | None
    compute: float
    """Factor on what the staged strategy may spend."""
    epochs: int
    depths: tuple[int, int]
    """Shallowest and deepest."""
    rates: tuple[float, float]
    """Lowest and highest learning rate."""
    enqueued: tuple[Setting, ...]
    prune_after: int
    fresh_seeds: int
    """How often each finalist is trained anew."""
    views: int
    """Augmented versions of every picture; epochs take turns with them."""
    cache_bytes: int
    cache_precision: CachePrecision
    batch_size: int
    weight_decay: float
    label_smoothing: float
    strength: int
    seed: int
    precision: Precision
    workers: int


@dataclass(frozen=True)
class Asked:
    """A trial that a strategy wants."""

    setting: Setting
    origin: Origin
    stage: Stage
    epochs: int
    """How long the schedule is."""


@dataclass(frozen=True)
class Trial:
    """A finished trial."""

    number: int
    state: State
    """A probe counts as `pruned`: its score is none of a full trial."""
    origin: Origin
    stage: Stage
    depth: int
    layer: str
    """The first trained one."""
    trained_share: float
    learning_rate: float
    history: tuple[Mapping[str, Any], ...]
    """An `Epoch` each, as a dictionary."""
    cost: int
    """Multiply-accumulates it took, what it put into the cache included."""
    cached: bool
    why: str
    """Why it ran from the pictures instead of the cache."""
    audit: tuple[Mapping[str, Any], ...]
    """What was in force for each group of layers."""

    @property
    def setting(self) -> Setting:
        """What was tried."""
        return Setting(self.depth, self.learning_rate)

    @property
    def validation_accuracy(self) -> float:
        """Of the last epoch; not a number where there is none."""
        return float(self.history[-1]["validation_accuracy"]) if self.history else float("nan")

    @property
    def validation_loss(self) -> float:
        """Of the last epoch; not a number where there is none."""
        return float(self.history[-1]["validation_loss"]) if self.history else float("nan")

    @property
    def scored(self) -> bool:
        """Whether it is a full trial that reached its end."""
        return self.state == "complete" and self.stage == "full"

    def rank(self) -> tuple[float, float, int]:
        """Sorts trials from the worst to the best; of equal ones the first is the better."""
        return self.validation_accuracy, -self.validation_loss, -self.number

    def row(self) -> dict[str, Any]:
        """As a line of `trials.csv`."""
        hidden = {"history", "audit", "cost", "cached", "why"}
        line = {key: value for key, value in asdict(self).items() if key not in hidden}
        return line | {
            "epochs": len(self.history),
            "validation_accuracy": self.validation_accuracy,
            "validation_loss": self.validation_loss,
            "cost": self.cost,
            "cached": self.cached,
            "why": self.why,
        }
