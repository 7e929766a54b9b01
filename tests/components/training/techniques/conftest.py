"""What tests of a technique train, and how."""

import pytest
import torch

from components.model.groups import groups
from components.training.fit import fit
from components.training.recipe import Recipe, Setting

CPU = torch.device("cpu")


@pytest.fixture
def trained(images, pretrained, tmp_path, feed_of):
    """Fit the small network with a setting: it, and what the fit says."""

    def run(*, epochs=1, **setting):
        asked = Setting(**{"freeze_depth": 0, "learning_rate": 1e-2, **setting})
        recipe = Recipe(setting=asked, epochs=epochs, patience=epochs, seed=0)
        model = pretrained.network(0)
        done = fit(
            model,
            groups(model),
            feed_of(images),
            images.task,
            recipe,
            device=CPU,
            keep=tmp_path / f"{recipe.digest}.safetensors",
            keep_best=False,
            on_epoch=lambda *_: False,
        )
        return model, done

    return run
