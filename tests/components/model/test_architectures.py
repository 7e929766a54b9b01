"""Every family of networks goes the whole way: built, grouped, frozen, trained, asked."""

import pytest
import torch

from components.data.batch import Batch
from components.model.freezing import freeze
from components.model.groups import groups
from components.model.predict import answers
from components.tasks.classification import Classification
from components.tasks.task import LossRequest
from components.training.optimizers import make_optimizer
from components.training.recipe import Recipe, Setting
from components.training.step import Stepper
from components.training.validate import NO_TARGETS

CPU = torch.device("cpu")
TASK = Classification(("a", "b", "c", "d", "e"))
RATE = 1e-3


@pytest.mark.slow
def test_family_is_built_frozen_trained_and_asked(architecture, build):
    """What is frozen keeps every bit, the head moves, and the answers are probabilities."""
    model, images = build(architecture)
    parts = groups(model)
    depth = len(parts) // 2
    freeze(model, parts, depth)
    setting = Setting(freeze_depth=depth, learning_rate=RATE)
    recipe = Recipe(setting=setting, epochs=1, patience=1, seed=0, precision="off")
    before = {name: value.clone() for name, value in model.named_parameters()}
    stepper = Stepper(
        model.train(),
        model,
        make_optimizer(model, parts, recipe),
        TASK,
        device=CPU,
        precision="off",
        loss=TASK.loss(LossRequest(label_smoothing=0.1), NO_TARGETS),
    )
    loss, _ = stepper.step(Batch(images, torch.tensor([0, 1])), 0, RATE)
    assert torch.isfinite(loss)
    moved = {name for name, value in model.named_parameters() if not value.equal(before[name])}
    assert not moved & {name for part in parts[:depth] for name in part.parameters}
    assert moved & set(parts[-1].parameters)
    probabilities = answers(model, images.numpy()[:, None], lambda outputs: outputs.softmax(dim=1))
    assert probabilities.shape == (2, 5)
    assert probabilities.sum(axis=1) == pytest.approx([1, 1], abs=1e-5)
