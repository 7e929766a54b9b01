"""The new classifier on top of a pretrained network."""

from typing import Any, cast

from torch import nn

HEAD_STD = 0.01
"""Standard deviation of a new head's weights. With timm's own, five epochs of full fine-tuning of
MobileNetV2 end 4 to 10 points lower (docs/log.md)."""


def draw_head(model: nn.Module) -> None:
    """Draw the classifier's weights from N(0, 0.01) and set its bias to zero."""
    for module in last_layers(model):
        nn.init.normal_(module.weight, std=HEAD_STD)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def last_layers(model: nn.Module) -> list[nn.Linear | nn.Conv2d]:
    """The layers of the classifier; two classifiers in a few networks."""
    classifier = cast("Any", model).get_classifier()
    heads = classifier if isinstance(classifier, tuple) else (classifier,)
    modules = (module for head in heads for module in head.modules())
    return [module for module in modules if isinstance(module, nn.Linear | nn.Conv2d)]
