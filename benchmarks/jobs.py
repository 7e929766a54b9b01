"""Our whole job on a case, as `thawline run` does it: the search, then the final training."""

import shutil
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.cases import Case
from benchmarks.rivals import said
from components.frame.events import Events, narrator
from components.search import SearchParams
from components.study.run import make_plan
from components.study.search import Search
from components.training.difficulty import image_losses
from components.training.feed import ImageFeed
from components.training.fit import fit
from components.training.recipe import Recipe
from components.training.samplers import Sampling

CPU = torch.device("cpu")


def ours(case: Case, budget: int, seed: int, *, mirror: bool) -> NDArray[np.int64]:  # noqa: ARG001  # the case knows
    """Search and train within a budget of epochs of the whole network."""
    folder = case.folder / f"ours-{seed}"
    shutil.rmtree(folder, ignore_errors=True)
    asked = SearchParams(compute=0.2 * budget / 4, seed=seed).model_dump()
    others = {name: value for name, value in asked.items() if name not in {"device", "subset"}}
    plan = make_plan(case.pretrained, **others)
    log = Events(folder / "events.jsonl", narrator())
    found = Search(plan, case.images, case.pretrained, folder, folder, log, CPU).run()
    epochs = max(1, round(0.8 * budget))
    model = case.pretrained.network(seed)
    losses = partial(image_losses, model, case.images.train, batch_size=plan.batch_size, workers=0)
    feed = ImageFeed(
        images=case.images,
        batch_size=plan.batch_size,
        magnitude=found.chosen.magnitude,
        seed=seed,
        workers=0,
        sampling=Sampling.of(found.chosen, epochs, losses),
    )
    fit(
        model,
        case.pretrained.groups,
        feed,
        case.images.task,
        Recipe(setting=found.chosen, epochs=epochs, patience=epochs, seed=seed),
        device=CPU,
        keep=folder / "keep.safetensors",
        keep_best=True,
        on_epoch=lambda *_: False,
    )
    return said(case, model)
