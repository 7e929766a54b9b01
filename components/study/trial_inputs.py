"""What trials share: one network, made anew for each, and what its frozen layers give."""

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

import torch
from torch import Tensor, nn

from components.data.batch import Batch
from components.data.images import augmentation, dataset
from components.data.images.dataset import Split, steps
from components.features.activations import Features
from components.features.cache import ActivationSource, FeatureCache
from components.features.store import FOLDER, VALIDATION
from components.frame import files
from components.frame.seeds import derived_seed
from components.model.norm_scales import norm_scales
from components.model.partial.cost import cost
from components.model.partial.cut_points import CutPoints, find_cut_points
from components.model.partial.forward import Cut
from components.study import folds
from components.study.plan import Plan
from components.study.space import WORTH_CACHING, Space
from components.training.compute import Compute
from components.training.difficulty import image_losses
from components.training.feed import FeatureFeed, Fold, ImageFeed, Views
from components.training.images import Images
from components.training.pretrained import Pretrained, Renewable
from components.training.probe import Probe, fit_head
from components.training.recipe import Setting
from components.training.samplers import Sampling
from components.training.techniques.registry import why_images
from components.training.validate import Forward

Part = tuple[int, ...]
"""The places of the images that are trained on, among all of a pool; empty: the split's own."""


@dataclass(frozen=True)
class TrialInputs:
    """What a trial reads, and how that becomes outputs."""

    feed: ImageFeed | FeatureFeed
    forward: Forward | None
    why: str
    """Why it reads images; empty where it reads the cache."""


class Reuse:
    """The network and the cache of a search."""

    def __init__(
        self, pretrained: Pretrained, images: Images, plan: Plan, cache: Path, device: torch.device
    ) -> None:
        plan = folds.planned(plan, images)
        self.pretrained, self.images, self.plan, self.device = pretrained, images, plan, device
        count = int(plan.folds)
        self.pool = folds.pooled(images) if count > 1 else images
        """What activations are kept of: every image as either split has it, where there are folds.
        """
        self.folds = self.partition(count)
        self.network = Renewable(pretrained, device)
        self.views = Views(min(plan.views, plan.epochs), plan.seed)
        self.ahead: tuple[int, ...] = ()
        """Freeze depths that are kept in the first pass over the images, whichever is asked for."""
        self._cache = FeatureCache(cache / FOLDER, plan.cache_bytes, plan.cache_precision)
        self._cut_points: dict[int, CutPoints] = {}
        self._difficulty: dict[tuple[str, Part], tuple[float, ...]] = {}
        self._probes: dict[Part, Probe] = {}
        self._digests: dict[str, str] = {}

    def partition(self, count: int, again: int = 0) -> tuple[Fold, ...]:
        """So many folds, other ones for each number `again`; empty: the splits as they are."""
        seed = derived_seed(self.plan.seed, again, 4)
        return folds.partition(self.pool, count, seed) if count > 1 else ()

    @cached_property
    def space(self) -> Space:
        """The settings there are and what each costs."""
        counted = cost(self.network.model, self.pretrained.groups, self._example(1))
        size = self.plan.batch_size
        trained = [len(fold.train) for fold in self.folds] or [len(self.images.train)]
        judged = sum(len(fold.val) for fold in self.folds) or len(self.images.val)
        layers, parts = tuple(self.pretrained.layers), self.pretrained.groups
        return Space(
            plan=self.plan,
            cost=counted,
            layers=layers,
            train_rows=sum(steps(images, size) * size for images in trained),
            validation_rows=judged,
            norm_scales=norm_scales(self.pretrained.state, parts),
            folds=len(trained),
            pool=len(self.pool.train) if self.folds else 0,
            highest_score=self.images.task.score_range[1],
        )

    def model(self, setting: Setting, seed: int, fold: Fold | None = None) -> nn.Module:
        """The network that a fit starts from; all fits use this one, one after the other."""
        probe = self._probe(fold) if setting.head_start == "probe" else None
        model = self.network.renew(seed, setting)
        if probe:
            probe.put(model)
        return model

    def inputs(
        self,
        model: nn.Module,
        setting: Setting,
        seed: int,
        epochs: int | None = None,
        fold: Fold | None = None,
    ) -> TrialInputs:
        """From the cache where that pays and can be; `model` must be as it starts.

        `epochs` are the trial's; None: those of a full one. Without a `fold` the splits are taken
        as they are.
        """
        plan, freeze_depth = self.plan, setting.freeze_depth
        losses = partial(self._losses, model, setting.start, fold)
        sampling = Sampling.of(setting, epochs or plan.epochs, losses)
        images = self._image_feed(setting, seed, sampling, fold)
        if why := why_images(setting, self.images.task):
            return TrialInputs(images, None, why)
        if not self.space.cacheable(freeze_depth):
            return TrialInputs(images, None, self._not_worth(freeze_depth))
        cut_points = self._cut_points_at(freeze_depth)
        if freeze_depth in cut_points.refusals:
            why = f"the network cannot be cut there: {cut_points.refusals[freeze_depth]}"
            return TrialInputs(images, None, why)
        cut = cut_points.cut(model)
        kept = self._kept(cut, setting)
        if isinstance(kept, str):
            return TrialInputs(images, None, kept)
        feed = FeatureFeed(
            images=self.pool,
            batch_size=plan.batch_size,
            seed=seed,
            train=kept[:-1],
            val=kept[-1],
            sampling=sampling,
            fold=fold,
        )
        return TrialInputs(feed, partial(cut.suffix, freeze_depth=freeze_depth), "")

    @property
    def _compute(self) -> Compute:
        plan = self.plan
        return Compute(
            batch_size=plan.batch_size,
            device=self.device,
            precision=plan.precision,
            workers=plan.workers,
        )

    def _probe(self, fold: Fold | None) -> Probe:
        """A head fitted to what is trained on, once."""
        key = _part(fold)
        if key not in self._probes:
            self._probes[key] = fit_head(
                self.network.renew(0),
                replace(self.images, train=self._trained(fold)),
                self._compute,
            )
        return self._probes[key]

    def _trained(self, fold: Fold | None) -> Split:
        """The images that are trained on."""
        split = self.pool.train
        if fold is None:
            return split
        return replace(split, indices=split.indices[fold.train], targets=split.targets[fold.train])

    def _not_worth(self, freeze_depth: int) -> str:
        if freeze_depth == 0:
            return "no layer is frozen"
        left = self.space.fraction(freeze_depth)
        return f"{left:.0%} of the work lies behind the frozen layers, over {WORTH_CACHING:.0%}"

    def _losses(self, model: nn.Module, start: str, fold: Fold | None) -> tuple[float, ...]:
        """Of each training image, to a classifier on what the network makes of it as it starts."""
        key = start, _part(fold)
        if key not in self._difficulty:
            self._difficulty[key] = image_losses(model, self._trained(fold), self._compute)
        return self._difficulty[key]

    def _image_feed(
        self, setting: Setting, seed: int, sampling: Sampling, fold: Fold | None
    ) -> ImageFeed:
        return ImageFeed(
            images=self.pool,
            batch_size=self.plan.batch_size,
            magnitude=setting.magnitude,
            seed=seed,
            workers=self.plan.workers,
            views=self.views,
            sampling=sampling,
            fold=fold,
        )

    def _cut_points_at(self, freeze_depth: int) -> CutPoints:
        if freeze_depth not in self._cut_points:
            wanted = {freeze_depth, *(self.ahead if not self._cut_points else ())}
            model = self.pretrained.network(0)  # hidden layers of a head change no cut
            cut_points = find_cut_points(model, self.pretrained.groups, self._example(2), wanted)
            self._cut_points |= dict.fromkeys(wanted, cut_points)
        return self._cut_points[freeze_depth]

    def _example(self, rows: int) -> Tensor:
        return torch.zeros(rows, 3, self.pretrained.size, self.pretrained.size, device=self.device)

    def _kept(self, cut: Cut, setting: Setting) -> Sequence[Features] | str:
        """The views' activations and, last, those of validation; or why they cannot be kept.

        Where the budget does not hold all that is kept ahead, this freeze depth is asked for alone:
        what a trial gets does not depend on the trials before it.
        """
        all_kept = {setting.freeze_depth, *self.ahead} & set(cut.points)
        together = self._provided(cut, setting, all_kept)
        if isinstance(together, str):
            return self._provided(cut, setting, {setting.freeze_depth})
        return together

    def _provided(
        self, cut: Cut, setting: Setting, freeze_depths: Collection[int]
    ) -> Sequence[Features] | str:
        self._cache.release()
        kept, freeze_depth, magnitude = list[Features](), setting.freeze_depth, setting.magnitude
        for view in [*range(self.views.count), None]:
            images = partial(self._images, magnitude, view)
            source = self._source(setting, view)
            provided = self._cache.provide(source, cut, freeze_depths, self.space.cost, images)
            if freeze_depth in provided.refusals:
                return provided.refusals[freeze_depth]
            kept.append(provided.features[freeze_depth])
        return kept

    def _images(self, magnitude: int, view: int | None) -> Iterator[Tensor]:
        for batch in self._batches(magnitude, view):
            yield batch.inputs.to(self.device, memory_format=torch.channels_last)

    def _batches(self, magnitude: int, view: int | None) -> Iterator[Batch]:
        plan, images = self.plan, self.pool
        if view is None:
            return images.val.batches(plan.batch_size, workers=plan.workers)
        augment = augmentation.load(images.family, magnitude)
        seen = (self.views.seed, view)
        return images.train.view(augment, plan.batch_size, seen, workers=plan.workers)

    def _source(self, setting: Setting, view: int | None) -> ActivationSource:
        config, images = self.pretrained.config, self.pool
        split = images.val if view is None else images.train
        name = VALIDATION if view is None else self._view_name(setting.magnitude, view)
        network = files.canonical([config.architecture, config.arguments]).decode()
        return ActivationSource(
            data=split.digest,
            weights=self._weights(setting),
            architecture=network,
            size=self.pretrained.size,
            view=name,
            rows=len(split),
            batch_size=self.plan.batch_size,
            device=self.device.type,
        )

    def _view_name(self, magnitude: int, view: int) -> str:
        """Names all that an augmented view depends on, the code that draws it included."""
        code = [files.sha256(Path(str(m.__file__))) for m in (augmentation, dataset)]
        family = self.images.family[str(magnitude)]
        content = files.canonical([family, self.views.seed, view, code])
        return hashlib.sha256(content).hexdigest()

    def _weights(self, setting: Setting) -> str:
        """SHA-256 of those that a setting starts from."""
        if setting.start not in self._digests:
            self._digests[setting.start] = self.pretrained.starting(setting).digest
        return self._digests[setting.start]


def _part(fold: Fold | None) -> Part:
    """Names what is trained on."""
    return () if fold is None else tuple(fold.train.tolist())
