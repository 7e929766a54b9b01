"""What a network reaches on validation images, worked out by hand."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from components.training.validate import validate


@pytest.mark.parametrize("size", [0, 8])
def test_loss_and_score_are_means_over_images(images, pretrained, size):
    """Without smoothing and dropout, whatever the last batch lacks and is filled up with."""
    model = pretrained.network(0)
    with torch.no_grad():
        model.get_classifier().weight.mul_(50)  # so that its answers are sure ones
    batches = list(images.val.batches(8))
    assert len(batches[-1]) < 8
    found = validate(
        model.train(), iter(batches), images.task, device=torch.device("cpu"), size=size
    )
    whole, labels = torch.cat([b.inputs for b in batches]), torch.cat([b.targets for b in batches])
    with torch.no_grad():
        outputs = model.eval()(whole)
    right = (outputs.argmax(1) == labels).numpy()
    assert found.loss == pytest.approx(float(functional.cross_entropy(outputs, labels)), rel=1e-4)
    assert found.score == pytest.approx(right.mean())
    seen = np.concatenate([right, [0.0, 1.0]])
    assert found.error == pytest.approx(seen.std() / len(right) ** 0.5)
