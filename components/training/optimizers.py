"""Optimizers over the groups of a network that are trained, by the names that timm gives them."""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from functools import partial
from typing import Any

import torch
from timm.optim import create_optimizer_v2, get_optimizer_info, list_optimizers
from torch import nn

from components.frame.errors import UsageError
from components.model.groups import Group
from components.training.recipe import DEFAULTS, Recipe, Setting

FUSED = {"adamw": partial(torch.optim.AdamW, fused=True)}
"""One pass over memory a step, not a dozen, where torch computes so on every device."""
KEEPS_LISTS = ("kron",)
"""Keep lists of tensors, which a checkpoint does not hold."""
NEAR = 4
"""So many near names are told."""


def make_optimizer(
    model: nn.Module, groups: Sequence[Group], recipe: Recipe
) -> torch.optim.Optimizer:
    """An optimizer of what is not frozen; biases and normalisation do not decay.

    Each of its entries holds the factor on the rate that its layers train with as `scale`: 1.0 at
    the head, `backbone_rate` below it, and `layer_decay` times less for every group towards the
    stem (Howard and Ruder, ULMFiT, 2018).
    """
    setting = recipe.setting
    entries = list(_entries(model, groups, setting))
    for entry in entries:
        entry["lr"] = setting.learning_rate * entry["scale"]
    if setting.optimizer in FUSED:
        return FUSED[setting.optimizer](entries)
    own = {"momentum": setting.momentum} if has_momentum(setting.optimizer) else {}
    made: torch.optim.Optimizer = create_optimizer_v2(
        entries, setting.optimizer, lr=setting.learning_rate, **own
    )
    return made


def optimizers() -> list[str]:
    """The names of timm's optimizers that run on torch alone and need first derivatives alone."""
    return [
        name
        for name in list_optimizers()
        if not (about := get_optimizer_info(name)).second_order
        and not isinstance(about.opt_class, str)  # those of other libraries, loaded by their names
        and not name.removeprefix("c").startswith(KEEPS_LISTS)
    ]


def require_optimizers(names: Sequence[str], momenta: Sequence[float]) -> None:
    """See that there are optimizers of these names, and one that takes a momentum if it is set.

    Raises:
        UsageError: there are not.
    """
    known = optimizers()
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, n=NEAR, cutoff=0.4) or known
            raise UsageError(
                f"search.optimizer must be one that timm has and that runs on torch alone, but "
                f"{name!r} is none. Near are: {', '.join(near)}."
            )
    if [*momenta] != [DEFAULTS["momentum"]] and not any(map(has_momentum, names)):
        raise UsageError(
            f"search.momentum must have an effect, but {[*momenta]} has none beside "
            f"search.optimizer={', '.join(names)}: it takes none. Set search.optimizer=sgd, or "
            "take the first back: thawline params --reset search.momentum"
        )


def has_momentum(name: str) -> bool:
    """Whether an optimizer takes a momentum of that name, as SGD does."""
    return bool(get_optimizer_info(name).has_momentum)


def scale(above: int, setting: Setting) -> float:
    """The factor on the rate of a group with so many groups above it; 1.0 at the head."""
    decayed: float = setting.layer_decay**above
    return decayed * setting.backbone_rate if above else decayed


def _entries(
    model: nn.Module, groups: Sequence[Group], setting: Setting
) -> Iterator[dict[str, Any]]:
    """Of each group the matrices, which decay, and the vectors, which do not.

    With L2-SP nothing below the head decays towards zero: it is pulled to where it started.
    """
    for above, group in zip(reversed(range(len(groups))), groups, strict=True):
        named = [(name, model.get_parameter(name)) for name in group.parameters]
        trained = [(name, parameter) for name, parameter in named if parameter.requires_grad]
        held = above > 0 and setting.l2_sp > 0
        decays = ((0.0 if held else setting.weight_decay, True), (0.0, False))
        for decay, wanted in decays:
            chosen = [(name, p) for name, p in trained if (p.ndim > 1) is wanted]
            if chosen:
                names, tensors = zip(*chosen, strict=True)
                yield {
                    "params": list(tensors),
                    "names": names,
                    "weight_decay": decay,
                    "scale": scale(above, setting),
                }
