"""Where timm drops the residual branches of a network, and how often."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from timm.layers import DropPath
from torch import nn

from components.frame.errors import UsageError
from components.model.backbone import another

Rates = Mapping[str, tuple[float, bool]]
"""By a module's path: the probability of dropping, and whether what is left is scaled up."""


def drop_paths(model: nn.Module, rate: float) -> Rates:
    """What timm drops in a network of this architecture at a rate: it rises from stem to head.

    Args:
        model: as `backbone.create` made it.
        rate: of the last branch, 0 to 1.

    Raises:
        UsageError: the architecture has no branch to drop.
    """
    try:
        with torch.device("meta"):  # nothing is drawn, and nothing held
            like = another(model, drop_path_rate=rate)
    except UsageError:  # its constructor knows no such argument
        like = nn.Identity()
    parts = ((path, part) for path, part in like.named_modules() if isinstance(part, DropPath))
    rates = {path: (float(part.drop_prob), part.scale_by_keep) for path, part in parts}
    dropped = {path: what for path, what in rates.items() if what[0]}
    if not dropped:
        raise UsageError(
            f"search.stochastic_depth must be 0.0 for {type(model).__name__}, which has no "
            f"residual branch that timm drops, but is {rate:g}."
        )
    return dropped


@contextmanager
def dropping(model: nn.Module, rates: Rates) -> Iterator[dict[str, DropPath]]:
    """Drop branches within the block, where the network trains; the modules that do, by path."""
    placed, before = {}, []
    try:
        for path, (probability, scale) in rates.items():
            owner, _, name = path.rpartition(".")
            parent = model.get_submodule(owner)
            before.append((parent, name, getattr(parent, name)))
            placed[path] = DropPath(probability, scale)
            setattr(parent, name, placed[path])
        yield placed
    finally:
        for parent, name, part in before:
            if part is None:  # where timm has no module at all, only the attribute
                delattr(parent, name)
            setattr(parent, name, part)
