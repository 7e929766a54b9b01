"""Kinds of networks, as far as their learning rates go.

Rates of one network suit another of its kind, and no other
(docs/decisions/0013-rates-relative-to-the-network.md).
"""

from typing import Literal

Family = Literal["batch_norm", "layer_norm", "transformer", "contrastive"]
"""`batch_norm`: convolutions with batch normalisation; `layer_norm`: those without, such as
ConvNeXt; `transformer`: it attends; `contrastive`: one that was trained on pairs of images and
texts, such as CLIP."""
ATTENDING: tuple[Family, ...] = ("transformer", "contrastive")
CONTRASTIVE = ("clip", "siglip")
"""What the names of such networks hold."""
CONVOLUTIONS = ("resnet", "rn50", "rn101")
BY_NAME: dict[str, Family] = {
    "convnext": "layer_norm",
    "bit": "layer_norm",
    "vit": "transformer",
    "deit": "transformer",
    "beit": "transformer",
    "dino": "transformer",
    "mae": "transformer",
    "eva": "transformer",
    "swin": "transformer",
    "transformer": "transformer",
}
"""By what a name holds; the first that does counts."""


def family_of_name(name: str) -> Family:
    """By the name alone, where there is no network; one that says nothing is `batch_norm`."""
    if holds(name, CONTRASTIVE) and not holds(name, CONVOLUTIONS):
        return "contrastive"
    if holds(name, ("dino", "mae")) and holds(name, CONVOLUTIONS):
        return "batch_norm"
    return next((one for word, one in BY_NAME.items() if holds(name, (word,))), "batch_norm")


def holds(name: str, words: tuple[str, ...]) -> bool:
    """Whether one of the words is part of a name."""
    return any(word in name.lower() for word in words)
