"""The one way from images to what a trained network answers."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


def answers(
    model: nn.Module, inputs: NDArray[np.float32], decode: Callable[[Tensor], Tensor]
) -> NDArray[np.float32]:
    """What `decode` makes of the outputs for normalised images (n, 3, size, size), in float32."""
    device = next(model.parameters()).device
    with torch.inference_mode():
        outputs = model.eval()(torch.from_numpy(inputs).to(device)).float()
        decoded: NDArray[np.float32] = decode(outputs).cpu().numpy()
    return decoded
