"""The final training: the setting that the search chose, for as long as is asked."""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

from torch import nn

from components.data.images.augmentation import mirrors
from components.data.images.transform import MIRRORED
from components.frame.errors import UsageError
from components.frame.work import Work
from components.model.device import DeviceName, Precision, choose_device
from components.model.groups import groups
from components.training.compute import Compute
from components.training.difficulty import image_losses
from components.training.fallback import Fallback, linear_model
from components.training.feed import ImageFeed
from components.training.fit import fit
from components.training.history import Fit
from components.training.images import Images, check_batch_size
from components.training.inputs import Inputs
from components.training.outcome import Outcome, TrainOutputs
from components.training.pretrained import Pretrained
from components.training.probe import Probe, fit_head
from components.training.progress import EpochReport, tell_device
from components.training.recipe import Best, Recipe
from components.training.samplers import Sampling
from components.training.subset import subset
from components.training.world import ALONE, World


@dataclass(frozen=True, kw_only=True)
class TrainRequest:
    """How to train, as `TrainParams` describes each."""

    epochs: int
    patience: int | None
    soup: Literal["none", "greedy"]
    seed: int
    device: DeviceName
    precision: Precision
    workers: int
    subset: float
    test_time_views: Literal["auto", 1, 2, 4]
    fallback: Literal["linear", "none"]


def fine_tune(
    inputs: Inputs,
    outputs: TrainOutputs,
    best: Path,
    work: Work,
    request: TrainRequest,
    *,
    world: World = ALONE,
) -> None:
    """Train with the setting in `best` and keep the weights of the best epoch.

    Of the processes of `world` the first one alone writes.

    Raises:
        UsageError: the mirror image is to be a view, but training sees none.
    """
    chosen = Best.read(best)
    images, pretrained = inputs.opened("train", work)
    transform = replace(images.transform, views=_views(request.test_time_views, images))
    images = subset(images, request.subset, request.seed, "params/train.yaml")
    check_batch_size(chosen.batch_size, images, str(best))
    training = _Training(
        request=request, chosen=chosen, images=images, pretrained=pretrained, world=world
    )
    training.tell(work)
    model, probe = training.start()
    sampling = training.sampling(model)
    fitted = training.run(model, sampling, work)
    if not world.first:
        return
    Outcome(
        chosen=chosen,
        images=images,
        pretrained=pretrained,
        transform=transform,
        model=model,
        fitted=fitted,
        probe=probe,
        sampling=sampling,
        fallback=training.fallback(fitted, probe),
        processes=world.size,
    ).write(outputs)


def _views(asked: Literal["auto", 1, 2, 4], images: Images) -> int:
    """Of an image that the network answers for."""
    mirrored = mirrors(images.family)
    if asked == "auto":
        return MIRRORED if mirrored else 1
    if asked == MIRRORED and not mirrored:
        raise UsageError(
            "params/train.yaml: test_time_views must be 1 or 4 where training mirrors no image, "
            f"but is {asked}: a mirror image may be another thing. Where it is not, set "
            "augment.horizontal_flip=true."
        )
    return asked


@dataclass(frozen=True, kw_only=True)
class _Training:
    """The steps of a final training, which have in common what it was asked for."""

    request: TrainRequest
    chosen: Best
    images: Images
    pretrained: Pretrained
    world: World

    @property
    def compute(self) -> Compute:
        """Where it runs."""
        return Compute(
            batch_size=self.chosen.batch_size,
            device=choose_device(self.request.device),
            precision=self.request.precision,
            workers=self.request.workers,
        )

    def tell(self, work: Work) -> None:
        """Say what trains, and where."""
        fraction = self.pretrained.fractions[self.chosen.setting.freeze_depth]
        print(f"trained from {self.chosen.layer} on ({fraction:.1%} of the parameters)")
        tell_device(work.events, self.compute.device, self.compute.precision)

    def start(self) -> tuple[nn.Module, Probe | None]:
        """The network, and what its head starts from unless that was drawn."""
        setting = self.chosen.setting
        model = self.pretrained.network(self.request.seed, setting)
        if setting.head_start != "probe":
            return model, None
        probe = fit_head(model, self.images, self.compute, asked=setting.loss_request)
        probe.put(model)
        print(f"the head starts from a linear model of {probe.images:,} images")
        return model, probe

    def sampling(self, model: nn.Module) -> Sampling:
        """In what order images are drawn, the same in all processes."""
        model.to(self.compute.device)
        losses = partial(image_losses, model, self.images.train, self.compute)
        return self.world.agreed(
            lambda: Sampling.of(self.chosen.setting, self.request.epochs, losses)
        )

    def run(self, model: nn.Module, sampling: Sampling, work: Work) -> Fit:
        """Train the network in place; what was killed goes on from its last epoch."""
        asked, compute = self.request, self.compute
        report = EpochReport(
            work.events, "train", self.images.task, trial=None, epochs=asked.epochs
        )
        report.tell_resumption()
        return fit(
            model,
            groups(model),
            ImageFeed(
                images=self.images,
                batch_size=compute.batch_size,
                magnitude=self.chosen.setting.magnitude,
                seed=asked.seed,
                workers=compute.workers,
                sampling=sampling,
            ),
            self.images.task,
            Recipe(
                setting=self.chosen.setting,
                epochs=asked.epochs,
                patience=asked.patience or asked.epochs,
                seed=asked.seed,
                precision=compute.precision,
            ),
            device=compute.device,
            keep=work.folder / "epoch.safetensors",
            keep_best=True,
            on_epoch=report,
            soup=asked.soup == "greedy",
            world=self.world,
        )

    def fallback(self, fitted: Fit, probe: Probe | None) -> Fallback | None:
        """What stands behind the training, if that was asked for and can be had."""
        if self.request.fallback == "none":
            return None
        setting = self.chosen.setting
        linear = linear_model(
            self.pretrained.starting(setting),
            self.images,
            self.compute,
            seed=self.request.seed,
            asked=setting.loss_request,
            probe=probe,
        )
        if linear:
            print(linear.sentence(fitted.validation, self.images.task))
        return linear
