"""Fits of a case as the search and `train` run them, for benchmarks to measure."""

from functools import partial
from typing import Any

import torch
from torch import nn

from benchmarks.cases import Case
from components.study.plan import Plan
from components.training.compute import Compute
from components.training.difficulty import image_losses
from components.training.feed import FeatureFeed, ImageFeed
from components.training.fit import fit
from components.training.history import Fit, OnEpoch
from components.training.pretrained import Pretrained
from components.training.recipe import CHOICES, Recipe, Setting
from components.training.samplers import Sampling
from components.training.validate import Forward, validate

BATCH = 32
COMPUTE = Compute(batch_size=BATCH, device=torch.device("cpu"))
TEST_BATCH = 64


def unheard(*_: object) -> bool:
    """Let every epoch pass."""
    return False


def train(
    case: Case,
    setting: Setting,
    *,
    epochs: int,
    seed: int,
    device: torch.device,
    on_epoch: OnEpoch = unheard,
) -> tuple[nn.Module, Fit]:
    """Train from the images, newly augmented in each epoch; the network, and how it went."""
    model = case.pretrained.network(seed)
    losses = partial(image_losses, model, case.images.train, COMPUTE)
    feed = ImageFeed(
        images=case.images,
        batch_size=BATCH,
        magnitude=setting.magnitude,
        seed=seed,
        workers=0,
        sampling=Sampling.of(setting, epochs, losses),
    )
    recipe = Recipe(setting=setting, epochs=epochs, patience=epochs, seed=seed)
    return model, fitted(case, model, feed, recipe, device=device, on_epoch=on_epoch)


def fitted(
    case: Case,
    model: nn.Module,
    feed: ImageFeed | FeatureFeed,
    recipe: Recipe,
    *,
    device: torch.device,
    on_epoch: OnEpoch,
    forward: Forward | None = None,
) -> Fit:
    """Train in place from the first epoch on, whatever was trained before."""
    keep = case.folder / "keep.safetensors"
    keep.unlink(missing_ok=True)
    return fit(
        model,
        case.pretrained.groups,
        feed,
        case.images.task,
        recipe,
        device=device,
        keep=keep,
        keep_best=False,
        on_epoch=on_epoch,
        forward=forward,
    )


def score_on_test(case: Case, model: nn.Module, device: torch.device) -> float:
    """The mean score on the test images."""
    return validate(model, case.test.batches(TEST_BATCH), case.images.task, device=device).score


def plan_of(pretrained: Pretrained, **asked: Any) -> Plan:  # noqa: ANN401  # as `Plan` has them
    """A plan over all freeze depths in which but these and the rate nothing is searched."""
    return Plan(
        max_minutes=None,
        freeze_depths=(0, len(pretrained.groups) - 1),
        prune_after=0,
        confirmation_runs=1,
        batch_size=BATCH,
        choices={name: (getattr(Setting, name),) for name in CHOICES},
        workers=0,
        **asked,
    )
