"""What mixup and CutMix share: each image has the one before it as its partner, and who blends."""

from typing import Literal

import torch
from torch import Tensor
from torch.distributions import Beta

from components.frame.seeds import derived_seed
from components.training.recipe import Setting

Blending = Literal["mixup", "cutmix"]


def alphas(setting: Setting) -> dict[Blending, float]:
    """The parameters of the beta distributions of those that are asked for."""
    asked: dict[Blending, float] = {"mixup": setting.mixup, "cutmix": setting.cutmix}
    return {name: alpha for name, alpha in asked.items() if alpha}


def turn(among: tuple[Blending, ...], seed: int) -> Blending:
    """Which of them blends the batch of a seed, each as likely, as timm.data.Mixup has it."""
    return among[derived_seed(seed, len(among)) % len(among)]


def drawn_weight(alpha: float, seed: int) -> float:
    """Of an image beside its partner, 0 to 1: from the beta distribution with `alpha` twice."""
    with torch.random.fork_rng(devices=[]):  # it draws from torch's global state
        torch.manual_seed(seed)
        return float(Beta(torch.tensor([alpha]), torch.tensor([alpha])).sample())


def partners(rows: Tensor) -> Tensor:
    """Of each row the one before it, of the first the last."""
    return rows.roll(1, 0)


def blended(rows: Tensor, weight: float) -> Tensor:
    """Each of the rows (n, ...) blended with its partner."""
    return partners(rows).mul_(1.0 - weight).add_(rows.mul(weight))
