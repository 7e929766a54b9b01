"""What kind a network is of: by what normalises it, and by whether it attends."""

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from components.model.families import CONTRASTIVE, Family, holds

ATTENDS = ("attention", "attn", "xca")
"""What the classes of modules that attend are named after."""
PROJECTIONS = ("qkv", "q", "q_proj", "query", "in_proj_weight")
"""What such a module holds, and one that weighs channels does not."""


def family(model: nn.Module, architecture: str) -> Family:
    """By the modules of a network, and by its name what they do not tell."""
    batch, within = _norms(model)
    if batch > within:
        return "batch_norm"
    if any(map(_attends, model.modules())):
        return "contrastive" if holds(architecture, CONTRASTIVE) else "transformer"
    return "layer_norm" if within else "batch_norm"


def _norms(model: nn.Module) -> tuple[int, int]:
    """How many modules normalise over a batch, and how many within an image."""
    batch = sum(isinstance(module, _BatchNorm) for module in model.modules())
    within = (nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)
    return batch, sum(isinstance(module, within) for module in model.modules())


def _attends(module: nn.Module) -> bool:
    name = type(module).__name__
    named = holds(name, ATTENDS) and not holds(name, ("pool",))
    return named and any(hasattr(module, one) for one in PROJECTIONS)
