"""What is asked of a search."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from components.features.cache import CachePrecision
from components.model.device import Precision
from components.model.families import Family
from components.study.rates import BodyRates
from components.training.recipe import Setting

HeadRole = Literal["candidate", "yardstick"]
Strategy = Literal["staged", "tpe", "baseline"]


@dataclass(frozen=True, kw_only=True)
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
    """Lowest and highest learning rate, of the head."""
    body: BodyRates | None = None
    """What the layers below train at beside it; none: as `choices` say, one factor everywhere."""
    family: Family = "batch_norm"
    """Of the network."""
    enqueued: tuple[Setting, ...]
    prune_after: int
    head: HeadRole = "candidate"
    """Whether the head alone may be chosen where anything else can be."""
    confirmation_runs: int
    """How often each finalist is trained anew."""
    views: int
    """Augmented versions of every image; epochs take turns with them."""
    cache_bytes: int
    cache_precision: CachePrecision
    batch_size: int
    choices: Mapping[str, tuple[Any, ...]]
    """By the names in `recipe.CHOICES`: what is chosen among, the baseline first."""
    seed: int
    precision: Precision
    workers: int
    folds: int | Literal["auto"] = 1
    """Of train and validation images, over which a trial is scored; 1: as they are split."""
