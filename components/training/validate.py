"""Running a network over batches, as a whole or from a kept activation on; and what it scores."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from components.data.batch import Batch
from components.evaluation import scores
from components.model.device import Precision, autocast
from components.tasks.task import Array, LossRequest, Task

NO_TARGETS: Array = np.empty(0)
"""What a loss of which nothing is asked need not know."""
Forward = Callable[[Tensor], Any]
"""From the inputs of a batch on the device, images or activations, to the network's outputs."""


@dataclass(frozen=True)
class Validated:
    """What a network reaches on validation images."""

    loss: float
    """The mean over images."""
    score: float
    """The mean over images."""
    error: float
    """The standard error of the score."""

    @property
    def rank(self) -> tuple[float, float]:
        """Sorts from the worst to the best."""
        return self.score, -self.loss


def whole(model: nn.Module) -> Forward:
    """The model itself, for images: in channels_last, which is the faster order on a CPU."""

    def forward(images: Tensor) -> Any:  # noqa: ANN401  # the model's own output
        return model(images.contiguous(memory_format=torch.channels_last))

    return forward


def validate(
    model: nn.Module,
    batches: Iterator[Batch],
    task: Task,
    *,
    device: torch.device,
    precision: Precision = "off",
    forward: Forward | None = None,
    size: int = 0,
) -> Validated:
    """Loss and score over all batches, in evaluation mode.

    With `size` a smaller batch is filled up to it before it is run: results are then equal to the
    bit whether the frozen layers ran now or, in batches of that size, long ago.
    """
    model.eval()
    run, lose = forward or whole(model), task.loss(LossRequest(), NO_TARGETS)
    loss, batch_scores = 0.0, []
    with torch.inference_mode(), autocast(device, precision):
        for batch in batches:
            filled = batch.filled(size).to(device)
            outputs = run(filled.inputs).float()[: len(batch)]
            loss += float(lose(outputs, filled.targets, reduction="sum"))
            batch_scores.append(task.scores(outputs, filled.targets).cpu())
    all_scores = torch.cat(batch_scores).numpy()
    error = scores.standard_error(all_scores, task.score_range)
    return Validated(loss / len(all_scores), scores.mean(all_scores), error)
