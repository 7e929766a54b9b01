"""What trials share: one network, made fresh for each, and what its frozen layers give."""

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import torch
from torch import Tensor, nn

from components.data.images import augmentation as augmentations
from components.data.images import dataset
from components.data.images.dataset import Batch
from components.data.images.pictures import Pictures
from components.features.activations import Features
from components.features.cache import FeatureCache, Source
from components.features.store import FOLDER, VALIDATION
from components.frame import files
from components.model.norm_scales import gains
from components.model.partial.cost import cost
from components.model.partial.cut_points import Survey, survey
from components.model.partial.forward import Cut
from components.study.plan import Plan
from components.study.space import WORTH_CACHING, Space
from components.training.feed import FeatureFeed, PictureFeed, Views
from components.training.pretrained import Renewable, Start
from components.training.recipe import Setting
from components.training.score import Forward


@dataclass(frozen=True)
class Inputs:
    """What a trial reads, and how it becomes logits."""

    feed: PictureFeed | FeatureFeed
    forward: Forward | None
    why: str
    """Why it reads pictures; empty where it reads the cache."""


class Reuse:
    """The network and the cache of a search."""

    def __init__(
        self, start: Start, pictures: Pictures, plan: Plan, cache: Path, device: torch.device
    ) -> None:
        self.start, self.pictures, self.plan, self.device = start, pictures, plan, device
        self.network = Renewable(start, device)
        self.views = Views(min(plan.views, plan.epochs), plan.seed)
        self.ahead: tuple[int, ...] = ()
        """Depths that are kept in the first pass over the pictures, whichever is asked for."""
        self._cache = FeatureCache(cache / FOLDER, plan.cache_bytes, plan.cache_precision)
        self._surveys: dict[int, Survey] = {}

    @cached_property
    def space(self) -> Space:
        """The settings there are and what each costs."""
        counted = cost(self.network.model, self.start.groups, self._example(1))
        rows = self.pictures.train.steps(self.plan.batch_size) * self.plan.batch_size
        layers, parts = tuple(self.start.layers), self.start.groups
        return Space(
            self.plan, counted, layers, rows, len(self.pictures.val),
            gains(self.start.state, parts),
        )  # fmt: skip

    def inputs(self, model: nn.Module, setting: Setting, seed: int) -> Inputs:
        """From the cache where that pays and can be; `model` has to be as it starts."""
        plan, depth, strength = self.plan, setting.depth, setting.strength
        pictures = self._picture_feed(setting, seed)
        if setting.mixup:
            return Inputs(pictures, None, "mixup blends pictures before the frozen layers")
        if not self.space.cacheable(depth):
            return Inputs(pictures, None, self._not_worth(depth))
        found = self._surveyed(depth)
        if depth in found.refusals:
            why = f"the network cannot be cut there: {found.refusals[depth]}"
            return Inputs(pictures, None, why)
        cut = found.cut(model)
        kept = self._kept(cut, depth, strength)
        if isinstance(kept, str):
            return Inputs(pictures, None, kept)
        feed = FeatureFeed(self.pictures, plan.batch_size, seed, kept[:-1], kept[-1])
        return Inputs(feed, partial(cut.suffix, depth=depth), "")

    def _not_worth(self, depth: int) -> str:
        if depth == 0:
            return "no layer is frozen"
        left = self.space.share(depth)
        return f"{left:.0%} of the work lies behind the frozen layers, over {WORTH_CACHING:.0%}"

    def _picture_feed(self, setting: Setting, seed: int) -> PictureFeed:
        plan = self.plan
        return PictureFeed(
            self.pictures, plan.batch_size, setting.strength, seed, plan.workers, self.views,
            setting.mixup,
        )  # fmt: skip

    def _surveyed(self, depth: int) -> Survey:
        if depth not in self._surveys:
            wanted = {depth, *(self.ahead if not self._surveys else ())}
            model = self.network.model
            found = survey(model, self.start.groups, self._example(2), wanted)
            self._surveys |= dict.fromkeys(wanted, found)
        return self._surveys[depth]

    def _example(self, rows: int) -> Tensor:
        return torch.zeros(rows, 3, self.start.size, self.start.size, device=self.device)

    def _kept(self, cut: Cut, depth: int, strength: int) -> Sequence[Features] | str:
        """The views' activations and, last, those of validation; or why they cannot be kept.

        Where the budget does not hold all that is kept ahead, this depth is asked for alone: what
        a trial gets does not depend on the trials before it.
        """
        all_kept = {depth, *self.ahead} & set(cut.points)
        together = self._provided(cut, depth, strength, all_kept)
        if isinstance(together, str):
            return self._provided(cut, depth, strength, {depth})
        return together

    def _provided(
        self, cut: Cut, depth: int, strength: int, depths: Collection[int]
    ) -> Sequence[Features] | str:
        self._cache.release()
        kept = []
        for view in [*range(self.views.count), None]:
            pictures = partial(self._pictures, strength, view)
            source = self._source(strength, view)
            provided = self._cache.provide(source, cut, depths, self.space.cost, pictures)
            if depth in provided.refusals:
                return provided.refusals[depth]
            kept.append(provided.features[depth])
        return kept

    def _pictures(self, strength: int, view: int | None) -> Iterator[Tensor]:
        for batch, _ in self._batches(strength, view):
            yield batch.to(self.device, memory_format=torch.channels_last)

    def _batches(self, strength: int, view: int | None) -> Iterator[Batch]:
        plan, sides = self.plan, self.pictures
        if view is None:
            return sides.val.batches(plan.batch_size, workers=plan.workers)
        augment = augmentations.load(sides.family, strength)
        seen = (self.views.seed, view)
        return sides.train.view(augment, plan.batch_size, seen, workers=plan.workers)

    def _source(self, strength: int, view: int | None) -> Source:
        config, sides = self.start.config, self.pictures
        side = sides.val if view is None else sides.train
        name = VALIDATION if view is None else self._view_name(strength, view)
        network = files.canonical([config["architecture"], config["arguments"]]).decode()
        return Source(
            side.digest, self._weights, network, self.start.size, name, len(side),
            self.plan.batch_size, self.device.type,
        )  # fmt: skip

    def _view_name(self, strength: int, view: int) -> str:
        """Names all that an augmented view depends on, the code that draws it included."""
        code = [files.sha256(Path(str(m.__file__))) for m in (augmentations, dataset)]
        family = self.pictures.family[str(strength)]
        content = files.canonical([family, self.views.seed, view, code])
        return hashlib.sha256(content).hexdigest()

    @cached_property
    def _weights(self) -> str:
        return self.start.digest
