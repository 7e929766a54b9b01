"""The one way from images to what a trained network answers."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


def answers(
    model: nn.Module, inputs: NDArray[np.float32], decode: Callable[[Tensor], Tensor]
) -> NDArray[np.float32]:
    """What `decode` makes of the outputs for normalised images, in float32; the mean over views.

    Args:
        model: as `train` left it.
        inputs: shape (n, views, 3, size, size).
        decode: from outputs (n, outputs) to answers (n, ...), such as probabilities.
    """
    device = next(model.parameters()).device
    model.eval()
    with torch.inference_mode():
        views = [
            decode(model(torch.from_numpy(view).to(device)).float())
            for view in inputs.swapaxes(0, 1)
        ]
        mean: NDArray[np.float32] = torch.stack(views).mean(0).cpu().numpy()
    return mean
