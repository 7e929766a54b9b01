"""The new classifier on top of a pretrained network."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from torch import Tensor, nn

from components.frame.errors import InertError

HEAD_STD = 0.01
"""Standard deviation of a new head's weights. With timm's own, five epochs of full fine-tuning of
MobileNetV2 end 4 to 10 points lower (docs/log.md)."""


def draw_head(model: nn.Module) -> None:
    """Draw the classifier's weights from N(0, 0.01) and set its bias to zero."""
    for module in _last_layers(model):
        nn.init.normal_(module.weight, std=HEAD_STD)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


@contextmanager
def head_dropout(model: nn.Module, fraction: float) -> Iterator[None]:
    """While training within the block, drop a fraction of what the classifier reads.

    It comes on top of what the architecture itself drops, and is the same for every architecture:
    timm's networks keep theirs in different places.

    Raises:
        InertError: nothing was dropped although the block ended well.
    """
    dropped = False

    def drop(module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        nonlocal dropped
        dropped = dropped or module.training
        kept = nn.functional.dropout(inputs[0], fraction, training=module.training)
        return (kept, *inputs[1:])

    layers = _last_layers(model) if fraction else []
    handles = [layer.register_forward_pre_hook(drop) for layer in layers]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
    if fraction and not dropped:
        raise InertError(f"a head dropout of {fraction:g} was asked for, but nothing was dropped")


def _last_layers(model: nn.Module) -> list[nn.Linear | nn.Conv2d]:
    """The layers of the classifier; two classifiers in a few networks."""
    found = cast("Any", model).get_classifier()
    heads = found if isinstance(found, tuple) else (found,)
    modules = (module for head in heads for module in head.modules())
    return [module for module in modules if isinstance(module, nn.Linear | nn.Conv2d)]
