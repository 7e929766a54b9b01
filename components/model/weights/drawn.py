"""Random weights, for comparison."""

from collections.abc import Callable

import timm
import torch
from torch import Tensor, nn

from components.model.backbone import check_architecture
from components.model.weights.pin import TIMM
from components.model.weights.place import AUTO, PACKAGED
from components.model.weights.pretrained import PretrainedWeights

DRAWS: dict[str, Callable[[Tensor], Tensor]] = {
    "he": nn.init.kaiming_normal_,
    "xavier": nn.init.xavier_uniform_,
}
"""How the weights of linear layers and convolutions are drawn, by name; else as timm does it."""


def drawn(architecture: str, seed: int, initialisation: str = TIMM) -> PretrainedWeights:
    """An architecture's weights at random; `auto` is that of the default weights.

    He's are normal and for ReLU, by what a layer reads (He et al., ICCV 2015); Xavier's are uniform
    (Glorot and Bengio, AISTATS 2010); with both, biases are zero.
    """
    name = PACKAGED if architecture == AUTO else architecture
    check_architecture(name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = timm.create_model(name)
        if initialisation != TIMM:
            _redraw(model, DRAWS[initialisation])
    how = "" if initialisation == TIMM else f", {initialisation}"
    return PretrainedWeights(
        state=dict(model.state_dict()),
        architecture=name,
        source=f"random weights{how}",
        licence="none needed",
    )


def _redraw(model: nn.Module, draw: Callable[[Tensor], Tensor]) -> None:
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            draw(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
