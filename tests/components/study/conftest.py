"""A search over a small network on small images."""

from dataclasses import replace

import pytest
import torch
import trainable

from components.frame import events
from components.study.plan import Plan
from components.study.search import Search
from components.training.recipe import CHOICES, Setting

images, pretrained, champion = trainable.images, trainable.pretrained, trainable.champion
CPU = torch.device("cpu")
BASELINE = Setting(freeze_depth=0, learning_rate=1.0)


@pytest.fixture(scope="session")
def plan(pretrained):
    """Six trials of three epochs."""
    last = len(pretrained.groups) - 1
    return Plan(
        strategy="staged",
        max_trials=6,
        max_minutes=None,
        compute=10.0,
        epochs=3,
        freeze_depths=(0, last),
        rates=(1e-4, 1e-2),
        enqueued=(
            Setting(freeze_depth=last, learning_rate=1e-2),
            Setting(freeze_depth=0, learning_rate=1e-3),
        ),
        prune_after=0,
        confirmation_runs=1,
        views=2,
        cache_bytes=2**30,
        cache_precision="float32",
        batch_size=8,
        choices={name: (getattr(BASELINE, name),) for name in CHOICES},
        seed=0,
        precision="off",
        workers=0,
    )


@pytest.fixture
def make_search(images, pretrained, plan, tmp_path):
    """Open the search that lies in a folder; `changes` are of its plan."""

    def make(name="work", start=pretrained, **changes):
        log = events.Events(tmp_path / name / "events.jsonl", events.narrator())
        folder, cache = tmp_path / name / "folder", tmp_path / name / "cache"
        return Search(replace(plan, **changes), images, start, folder, cache, log, CPU)

    return make
