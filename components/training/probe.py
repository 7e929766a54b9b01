"""A head to start from: the best linear one on top of the pretrained network as it is.

Training all layers from such a head distorts the pretrained features less than from a drawn one
(LP-FT: Kumar et al., ICLR 2022, arXiv:2202.10054).
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from components.data.batch import Batch
from components.data.images.augmentation import mirrors
from components.frame.errors import UsageError
from components.model.device import Precision, autocast
from components.model.head import last_layers
from components.tasks.linear import Linear
from components.tasks.task import NOTHING, LossRequest
from components.training.compute import Compute
from components.training.images import Images
from components.training.validate import whole


@dataclass(frozen=True)
class Probe:
    """A linear model for each of the classifier's layers: one, or two in a few networks."""

    layers: tuple[Linear, ...]
    images: int
    """How many it was fitted on."""

    def put(self, model: nn.Module) -> None:
        """Set the head of a network of this architecture; what lies below stays as it is."""
        with torch.no_grad():
            for layer, fitted in zip(last_layers(model), self.layers, strict=True):
                layer.weight.copy_(torch.from_numpy(fitted.weight).view_as(layer.weight))
                if layer.bias is not None:
                    layer.bias.copy_(torch.from_numpy(fitted.bias))

    def in_force(self) -> dict[str, Any]:
        """What it came from, to be kept with the run."""
        return {"images": self.images, "strengths": [layer.strength for layer in self.layers]}


def fit_head(
    model: nn.Module,
    images: Images,
    compute: Compute,
    *,
    asked: LossRequest = NOTHING,
) -> Probe:
    """The linear model that the images' task fits to what the classifier reads of them.

    Where training mirrors images it is fitted to their mirror images besides. Of what is `asked` of
    the loss it goes by the weights of the classes. Equal calls give equal probes on a CPU. The
    network keeps its weights and is in evaluation mode afterwards.

    Raises:
        DataError: the training images are all of one class.
        UsageError: the task has no linear model, or the classifier is no linear layer of features.
    """
    model.to(compute.device).to(memory_format=torch.channels_last)
    views = [
        head_inputs(
            model,
            images.train.batches(compute.batch_size, workers=compute.workers, mirrored=mirrored),
            device=compute.device,
            precision=compute.precision,
        )
        for mirrored in ((False, True) if mirrors(images.family) else (False,))
    ]
    layers = tuple(
        images.task.linear(
            np.stack(features), images.train.targets, asked, biased=layer.bias is not None
        )
        for layer, *features in zip(last_layers(model), *views, strict=True)
    )
    return Probe(layers, len(images.train))


def head_inputs(
    model: nn.Module,
    batches: Iterator[Batch],
    *,
    device: torch.device,
    precision: Precision = "off",
) -> list[NDArray[np.float32]]:
    """What each of the classifier's layers reads of all images, (n, features), evaluation mode.

    Raises:
        UsageError: it reads something other than one row of features an image.
    """
    layers = last_layers(model)
    taken: list[list[Tensor]] = [[] for _ in layers]
    run = whole(model.eval())
    with ExitStack() as hooks, torch.inference_mode(), autocast(device, precision):
        for layer, rows in zip(layers, taken, strict=True):
            hooks.callback(layer.register_forward_pre_hook(_taking(rows)).remove)
        for batch in batches:
            run(batch.to(device).inputs)
    features = [torch.cat(rows).numpy() for rows in taken]
    _require_rows(layers, features)
    return features


def _taking(rows: list[Tensor]) -> Any:  # noqa: ANN401  # a hook, as torch types it
    def take(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        rows.append(inputs[0].float().flatten(1).cpu())

    return take


def _require_rows(
    layers: Sequence[nn.Linear | nn.Conv2d], features: Sequence[NDArray[np.float32]]
) -> None:
    for layer, rows in zip(layers, features, strict=True):
        if rows.shape[1] != layer.weight[0].numel():
            raise UsageError(
                f"head_start `probe` needs a classifier that reads {layer.weight[0].numel()} "
                f"features of an image, but it reads {rows.shape[1]}. Set search.head_start=drawn."
            )
