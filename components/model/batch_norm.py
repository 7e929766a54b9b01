"""Statistics of batch normalisation for weights that no training step left."""

from collections.abc import Callable

import torch
from torch import nn
from torch.nn.modules.batchnorm import _NormBase


def reestimate(model: nn.Module, run: Callable[[], object]) -> None:
    """Set running statistics to the mean over what `run` passes through the model.

    As `torch.optim.swa_utils.update_bn` (Izmailov et al., UAI 2018), but that layers which are
    frozen keep theirs. Afterwards the model is in training mode.
    """
    model.train()
    layers = [part for part in model.modules() if isinstance(part, _NormBase) and _moves(part)]
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # every batch counts the same
    try:
        if layers:
            with torch.no_grad():
                run()
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum


def _moves(layer: _NormBase) -> bool:
    return layer.training and layer.track_running_stats
