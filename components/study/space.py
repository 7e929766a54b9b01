"""The settings there are, what each costs, and how far two scores lie apart by chance."""

from dataclasses import dataclass
from math import sqrt

from components.model.partial.cost import Cost
from components.study.plan import CHOICES, Plan
from components.study.trial import Trial
from components.training.recipe import Setting

WORTH_CACHING = 0.85
"""The cache is used where at most this share of a pass is left behind the frozen layers: above it
an epoch is at most a fifth faster, and activations are largest (docs/benchmarks.md)."""


@dataclass(frozen=True)
class Space:
    """What a strategy knows before any trial."""

    plan: Plan
    cost: Cost
    """For one picture."""
    layers: tuple[str, ...]
    """The first trained one, by depth."""
    train_rows: int
    """Pictures that an epoch trains on."""
    validation_rows: int
    gains: tuple[float, ...]
    """Mean gain of the normalisation layers that are trained, by depth."""

    @property
    def lowest(self) -> int:
        """The shallowest depth."""
        return self.plan.depths[0]

    @property
    def deepest(self) -> int:
        """The deepest depth, as a rule the head alone."""
        return self.plan.depths[1]

    @property
    def head(self) -> int:
        """The depth at which the head alone is trained."""
        return len(self.layers) - 1

    def share(self, depth: int) -> float:
        """What is left of a pass behind the frozen layers, 0 to 1."""
        return self.cost.suffix(depth) / self.cost.suffix(0)

    def cacheable(self, depth: int) -> bool:
        """Whether keeping activations pays there."""
        return depth > 0 and self.share(depth) <= WORTH_CACHING

    def epoch(self, depth: int, *, cached: bool) -> int:
        """Multiply-accumulates of training and validating once."""
        training = self.cost.training(depth, cached=cached) * self.train_rows
        return training + self.cost.validation(depth, cached=cached) * self.validation_rows

    def trial(self, depth: int) -> int:
        """Multiply-accumulates of a full trial."""
        return self.plan.epochs * self.epoch(depth, cached=self.cacheable(depth))

    def filling(self, depth: int, *, validation: bool) -> int:
        """Multiply-accumulates of keeping all views' activations, and validation's, at a depth."""
        views = min(self.plan.views, self.plan.epochs)
        rows = self.train_rows * views + (self.validation_rows if validation else 0)
        return self.cost.prefix(depth) * rows

    @property
    def whole(self) -> int:
        """Multiply-accumulates of a full trial that trains every layer."""
        return self.plan.epochs * self.epoch(0, cached=False)

    def setting(self, depth: int, rate: float, **others: float) -> Setting:
        """The nearest setting that is allowed, with what is customary where nothing is said."""
        (shallow, deep), (low, high) = self.plan.depths, self.plan.rates
        choices = {name: getattr(self.plan.choices, name)[0] for name in CHOICES} | others
        depth = min(max(depth, shallow), deep)
        if depth == self.head:
            choices["layer_decay"] = 1.0  # there is one group: nothing to decay over
        return Setting(depth, min(max(rate, low), high), **choices)

    def near_share(self, share: float) -> int:
        """The depth behind which about this share of a pass is left, of equal ones the deeper."""
        depths = range(self.lowest, self.deepest + 1)
        return min(depths, key=lambda depth: (abs(self.share(depth) - share), -depth))

    def error(self, *trials: Trial) -> float:
        """The standard error of the best of some trials' validation accuracies."""
        return self.chance(max(trial.validation_accuracy for trial in trials))

    def chance(self, accuracy: float) -> float:
        """The standard error of a validation accuracy.

        Of a binomial share, with a picture's worth added so that a perfect score has one too.
        """
        rows = self.validation_rows
        share = (accuracy * rows + 1) / (rows + 2)
        return sqrt(share * (1 - share) / rows)
