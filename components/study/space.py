"""The settings there are, and what each costs."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

from components.model.partial.cost import Cost
from components.study.plan import Plan
from components.training.optimizers import has_momentum
from components.training.recipe import BELOW_THE_HEAD, CHOICES, DEFAULTS, Setting

WORTH_CACHING = 0.85
"""The cache is used where at most this fraction of a pass is left behind the frozen layers: above
it an epoch is at most a fifth faster, and activations are largest (docs/benchmarks.md)."""


@dataclass(frozen=True, kw_only=True)
class Space:
    """What a strategy knows before any trial."""

    plan: Plan
    cost: Cost
    """For one image."""
    layers: tuple[str, ...]
    """The first trained one, by freeze depth."""
    train_rows: int
    """Images that an epoch trains on."""
    validation_rows: int
    norm_scales: tuple[float, ...]
    """Mean norm scale of the layers that are trained, by freeze depth."""
    folds: int = 1
    """That a trial is scored over: an epoch is one of the fits of all of them."""
    pool: int = 0
    """Images in all folds together; 0: there is one, of the splits as they are."""
    highest_score: float = inf
    """Above which there is none; infinite where scores have no such bound."""

    @property
    def enqueued(self) -> tuple[Setting, ...]:
        """The baseline settings, with what layers below the head train at."""
        asked = self.plan.enqueued
        return (
            tuple(self.moved(one, one.freeze_depth) for one in asked) if self.plan.body else asked
        )

    @property
    def lowest(self) -> int:
        """The lowest freeze depth."""
        return self.plan.freeze_depths[0]

    @property
    def highest(self) -> int:
        """The highest freeze depth, as a rule the head alone."""
        return self.plan.freeze_depths[1]

    @property
    def head(self) -> int:
        """The freeze depth at which the head alone is trained."""
        return len(self.layers) - 1

    def fraction(self, freeze_depth: int) -> float:
        """What is left of a pass behind the frozen layers, 0 to 1."""
        return self.cost.suffix(freeze_depth) / self.cost.suffix(0)

    def cacheable(self, freeze_depth: int) -> bool:
        """Whether keeping activations pays there."""
        return freeze_depth > 0 and self.fraction(freeze_depth) <= WORTH_CACHING

    def epoch(self, freeze_depth: int, *, cached: bool) -> int:
        """Multiply-accumulates of training and validating once."""
        training = self.cost.training(freeze_depth, cached=cached) * self.train_rows
        return training + self.cost.validation(freeze_depth, cached=cached) * self.validation_rows

    def trial(self, freeze_depth: int) -> int:
        """Multiply-accumulates of a full trial."""
        return self.plan.epochs * self.epoch(freeze_depth, cached=self.cacheable(freeze_depth))

    def filling(self, freeze_depth: int, *, validation: bool) -> int:
        """Multiply-accumulates of keeping all views' activations, and validation's."""
        views = min(self.plan.views, self.plan.epochs)
        train, val = (self.pool or self.train_rows), (self.pool or self.validation_rows)
        rows = train * views + (val if validation else 0)
        return self.cost.prefix(freeze_depth) * rows

    def uncached_trial(self, freeze_depth: int) -> int:
        """Multiply-accumulates of a full trial from the images."""
        return self.plan.epochs * self.epoch(freeze_depth, cached=False)

    @property
    def whole(self) -> int:
        """Multiply-accumulates of a full trial that trains every layer."""
        return self.uncached_trial(0)

    def setting(self, freeze_depth: int, rate: float, **others: Any) -> Setting:  # noqa: ANN401  # as `Setting` has them
        """The nearest setting that is allowed, with the baseline where nothing is said.

        What has no effect there is at its default.
        """
        (fewest, most), (low, high) = self.plan.freeze_depths, self.plan.rates
        choices = {name: several[0] for name, several in self.plan.choices.items()} | others
        freeze_depth = min(max(freeze_depth, fewest), most)
        void = set(BELOW_THE_HEAD) if freeze_depth == self.head else set()
        void |= set() if has_momentum(choices["optimizer"]) else {"momentum"}
        for name in set(BELOW_THE_HEAD) - void:
            if choices[name] == DEFAULTS[name] not in self.plan.choices[name]:  # from the head
                choices[name] = self.plan.choices[name][0]
        void |= {"tuning"} if choices["lora_rank"] else set()
        choices |= {name: DEFAULTS[name] for name in void}
        if self.plan.body and freeze_depth < self.head:
            choices["backbone_rate"] = self._body_rate(freeze_depth, choices)
        rate = min(max(rate, low), high)
        return Setting(freeze_depth=freeze_depth, learning_rate=rate, **choices)

    def moved(self, setting: Setting, freeze_depth: int) -> Setting:
        """The same at another freeze depth, where layers below the head may want another rate."""
        others = {name: getattr(setting, name) for name in CHOICES}
        return self.setting(freeze_depth, setting.learning_rate, **others)

    def _body_rate(self, freeze_depth: int, choices: Mapping[str, Any]) -> float:
        few = bool(choices["lora_rank"]) or choices["tuning"] != "full"
        assert self.plan.body is not None  # noqa: S101  # asked before
        return self.plan.body.fraction(1 - self.fraction(freeze_depth), few=few)

    def near_fraction(self, fraction: float) -> int:
        """The freeze depth that leaves about this fraction of a pass, of equal ones the higher."""
        freeze_depths = range(self.lowest, self.highest + 1)
        return min(freeze_depths, key=lambda one: (abs(self.fraction(one) - fraction), -one))
