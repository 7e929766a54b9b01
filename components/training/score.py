"""Running a network over batches: as a whole or from a kept activation on, and what it scores."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from components.data.images.dataset import Batch
from components.features.activations import padded
from components.model.device import Precision, autocast

Forward = Callable[[Tensor], Any]
"""From a batch, images or activations on the device, to logits."""


def whole(model: nn.Module) -> Forward:
    """The model itself, for images: in channels_last, which is the faster order on a CPU."""

    def forward(images: Tensor) -> Any:  # noqa: ANN401  # the model's own output
        return model(images.contiguous(memory_format=torch.channels_last))

    return forward


def score(
    model: nn.Module,
    batches: Iterator[Batch],
    device: torch.device,
    precision: Precision = "off",
    *,
    forward: Forward | None = None,
    size: int = 0,
) -> tuple[float, float]:
    """Mean cross-entropy and accuracy over all batches, in evaluation mode.

    With `size` a smaller batch is filled up to it before it is run: results are then equal to the
    bit whether the frozen layers ran now or, in batches of that size, long ago.
    """
    model.eval()
    run = forward or whole(model)
    loss, right, total = 0.0, 0, 0
    with torch.inference_mode(), autocast(device, precision):
        for inputs, labels in batches:
            rows = padded(inputs, max(size, len(labels))).to(device)
            outputs = run(rows).float()[: len(labels)]
            labels = labels.to(device)  # noqa: PLW2901
            loss += float(nn.functional.cross_entropy(outputs, labels, reduction="sum"))
            right += int((outputs.argmax(1) == labels).sum())
            total += len(labels)
    return loss / total, right / total
