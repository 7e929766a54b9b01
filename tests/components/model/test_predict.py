"""What a trained network answers: of one view itself, of several the mean."""

import numpy as np
import torch
from torch import nn

from components.model.predict import answers

INPUTS = np.random.default_rng(0).standard_normal((5, 4, 3, 6, 6)).astype(np.float32)


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(108, 3), nn.Dropout(0.5))


def probabilities(outputs):
    return outputs.softmax(1)


def test_answers_are_the_mean_over_views():
    """Of probabilities, not of what they are made of; in evaluation mode."""
    model = network()
    found = answers(model.train(), INPUTS, probabilities)
    with torch.inference_mode():
        each = [model.eval()(torch.from_numpy(INPUTS[:, v])).softmax(1) for v in range(4)]
    assert np.allclose(found, np.mean([one.numpy() for one in each], axis=0), atol=1e-6)
    assert np.allclose(found.sum(1), 1)


def test_one_view_is_answered_for_as_it_is():
    """To the bit."""
    model = network().eval()
    with torch.inference_mode():
        expected = model(torch.from_numpy(INPUTS[:, 0])).softmax(1).numpy()
    assert np.array_equal(answers(model, INPUTS[:, :1], probabilities), expected)
