"""What a trained network says of images: probabilities."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn


def probabilities(model: nn.Module, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """Class probabilities (n, classes) of normalised images (n, 3, size, size), in float32."""
    device = next(model.parameters()).device
    with torch.inference_mode():
        outputs = model.eval()(torch.from_numpy(inputs).to(device)).float()
        probabilities: NDArray[np.float32] = outputs.softmax(1).cpu().numpy()
    return probabilities
