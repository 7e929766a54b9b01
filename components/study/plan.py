"""What is asked of a search."""

from dataclasses import dataclass, fields
from typing import Literal

from components.features.cache import Precision as CachePrecision
from components.model.device import Precision
from components.training.recipe import Setting

Strategy = Literal["staged", "tpe"]


@dataclass(frozen=True)
class Choices:
    """What is chosen among besides freeze depth and rate; of each the first is the baseline."""

    layer_decay: tuple[float, ...] = (1.0,)
    weight_decay: tuple[float, ...] = (0.05,)
    head_dropout: tuple[float, ...] = (0.0,)
    magnitude: tuple[int, ...] = (1,)
    mixup: tuple[float, ...] = (0.0,)


CHOICES = tuple(field.name for field in fields(Choices))


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
    freeze_depths: tuple[int, int]
    """Lowest and highest."""
    rates: tuple[float, float]
    """Lowest and highest learning rate."""
    enqueued: tuple[Setting, ...]
    prune_after: int
    confirmation_runs: int
    """How often each finalist is trained anew."""
    views: int
    """Augmented versions of every image; epochs take turns with them."""
    cache_bytes: int
    cache_precision: CachePrecision
    batch_size: int
    choices: Choices
    label_smoothing: float
    seed: int
    precision: Precision
    workers: int
