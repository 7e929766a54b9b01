"""Our whole job on a case, as `thawline run` does it: augment, search, train, fall back."""

import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from benchmarks.cases import Case
from benchmarks.fits import COMPUTE, TEST_BATCH
from components.data.images.augmentation import family, mirrors
from components.frame.events import Events, narrator
from components.model.predict import answers
from components.search import SearchParams
from components.study.folds import planned
from components.study.run import make_plan
from components.study.search import Search, SearchResult
from components.training.difficulty import image_losses
from components.training.fallback import linear_model
from components.training.feed import ImageFeed
from components.training.fit import fit
from components.training.history import Fit
from components.training.images import Images
from components.training.mirroring import MOST, mirroring
from components.training.pretrained import Pretrained
from components.training.probe import fit_head
from components.training.recipe import Recipe, Setting
from components.training.samplers import Sampling
from components.training.subset import subset

CPU = torch.device("cpu")
BATCH = 32
SEARCHED = 40
"""Epochs of a budget from which on a part of it is searched with."""
SHARE = 0.1
"""That part, by what a search may spend; its probes come on top."""


def ours(case: Case, budget: int, seed: int, *, mirror: bool | None) -> NDArray[np.int64]:
    """Search and train within a budget of epochs of the whole network.

    Whether images may be mirrored is found out where `mirror` does not say.
    """
    folder = case.folder / f"ours-{seed}"
    shutil.rmtree(folder, ignore_errors=True)
    images, pretrained = seen(case, mirror), case.pretrained
    found = searched(pretrained, images, folder, budget, seed, balanced=case.balanced)
    setting = found.chosen
    model = pretrained.network(seed, setting)
    probe = None
    if setting.head_start == "probe":
        probe = fit_head(model, images, COMPUTE, asked=setting.loss_request)
        probe.put(model)
    epochs = left(found, budget, images)
    fitted = trained(model, pretrained, images, setting, epochs, seed, folder / "keep")
    other = linear_model(
        pretrained,
        images,
        COMPUTE,
        seed=seed,
        asked=setting.loss_request,
        probe=probe,
    )
    kept = other.model if other and other.leads(fitted.validation) else model
    return answered(case, kept, mirrored=mirrors(images.family))


def answered(case: Case, model: nn.Module, *, mirrored: bool) -> NDArray[np.int64]:
    """The class that a network says of each test image, as it serves: by its mirror image too."""
    model.to(memory_format=torch.channels_last)
    found = []
    for batch in case.test.batches(TEST_BATCH):
        views = [batch.inputs, *([batch.inputs.flip(-1)] if mirrored else [])]
        found.append(answers(model, torch.stack(views, 1).numpy(), case.images.task.answers))
    classes: NDArray[np.int64] = np.concatenate(found).argmax(1)
    return classes


def seen(case: Case, mirror: bool | None) -> Images:  # noqa: FBT001  # as asked for
    """The images, mirrored or not."""
    if mirror is None:
        found = mirroring(case.pretrained.network(0), case.images.train, case.classes)
        print(found.sentence())
        mirror = found.allowed
    size = case.images.transform.size
    return replace(case.images, family=family(size, horizontal_flip=mirror))


def searched(
    pretrained: Pretrained, images: Images, folder: Path, budget: int, seed: int, *, balanced: bool
) -> SearchResult:
    """What the search finds, by the parameters as the budget sets them."""
    if budget < SEARCHED:
        asked = SearchParams(strategy="baseline", epochs=1, subset=0.25, seed=seed)
    else:
        asked = SearchParams(compute=SHARE * budget / SearchParams().epochs, seed=seed)
    if balanced:  # as a run says of such images
        asked = asked.model_copy(update={"class_weights": ["balanced"]})
    images = subset(images, asked.subset, seed, "the search", 2 * BATCH)
    plan = planned(make_plan(pretrained, **asked.model_dump(exclude={"device", "subset"})), images)
    plan = replace(plan, compute=plan.compute / int(plan.folds))  # a trial is one in each fold
    log = Events(folder / "events.jsonl", narrator())
    return Search(plan, images, pretrained, folder, folder, log, CPU).run()


def left(found: SearchResult, budget: int, images: Images) -> int:
    """Epochs of the final training that a budget holds beside all else, by what is computed.

    An epoch of a rival trains on all images and validates on none; one of ours validates too, and
    costs less where layers are frozen. Beside it are the search, the passes that ask about mirror
    images, and those of the linear model.
    """
    cost, train, val = found.space.cost, len(images.train), len(images.val)
    asking, fitting = 2 * min(MOST, train), (1 + mirrors(images.family)) * train + val
    passes = cost.validation(0, cached=False) * (asking + fitting)
    spent = sum(trial.cost for trial in found.trials) + passes
    space = replace(found.space, train_rows=train, validation_rows=val)
    each = space.epoch(found.chosen.freeze_depth, cached=False)
    return max(1, round((budget * cost.training(0, cached=False) * train - spent) / each))


def trained(
    model: nn.Module,
    pretrained: Pretrained,
    images: Images,
    setting: Setting,
    epochs: int,
    seed: int,
    keep: Path,
) -> Fit:
    """The final training, which ends with its best epoch."""
    losses = partial(image_losses, model, images.train, COMPUTE)
    feed = ImageFeed(
        images=images,
        batch_size=BATCH,
        magnitude=setting.magnitude,
        seed=seed,
        workers=0,
        sampling=Sampling.of(setting, epochs, losses),
    )
    return fit(
        model,
        pretrained.groups,
        feed,
        images.task,
        Recipe(setting=setting, epochs=epochs, patience=epochs, seed=seed),
        device=CPU,
        keep=keep,
        keep_best=True,
        on_epoch=lambda *_: False,
    )
