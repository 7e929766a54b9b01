"""Losses by the field's names: torch's own, focal loss, and what weights make of them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from torch import Tensor
from torch.nn import functional

Reduction = Literal["none", "mean", "sum"]
SMALLEST = 1e-12
"""Of 1 - p: the slope of a power below one has no bound at zero."""
Each = Callable[..., Tensor]
"""From outputs, targets and `reduction` to a tensor of one number, or with `none` one an image."""


@dataclass(frozen=True)
class Loss:
    """What training lowers."""

    each: Each
    weights: Tensor | None = None
    """Of each class, shape (classes,); None: all images count the same."""

    def __call__(self, outputs: Tensor, targets: Tensor, *, reduction: Reduction) -> Tensor:
        """Of a batch, a tensor of one number; a mean is the weighted one, as torch has it."""
        if self.weights is None:
            return self.each(outputs, targets, reduction=reduction)
        own = self._own(targets)
        total = (self.each(outputs, targets, reduction="none") * own).sum()
        return total / own.sum() if reduction == "mean" else total

    def weight(self, targets: Tensor) -> float:
        """What a batch counts beside others: its images, or the sum of their weights."""
        return float(len(targets)) if self.weights is None else float(self._own(targets).sum())

    def _own(self, targets: Tensor) -> Tensor:
        """The weight of each image, (n,); of a blended one the blend of its classes' weights."""
        weights = self.weights.to(targets.device)  # type: ignore[union-attr]  # asked before
        return weights[targets] if targets.ndim == 1 else targets @ weights


def focal(
    outputs: Tensor,
    targets: Tensor,
    *,
    gamma: float,
    label_smoothing: float = 0.0,
    reduction: Reduction,
) -> Tensor:
    """Cross-entropy in which what is already right counts less: -(1 - p)^gamma log p by class.

    Lin et al., ICCV 2017, for several classes; a blended or smoothed target is the weighted sum.

    Args:
        outputs: logits, shape (n, classes).
        targets: numbers of classes (n,), or fractions of them (n, classes).
        gamma: 0 or more; at 0 it is the cross-entropy.
        label_smoothing: fraction of the target that is spread over all classes.
        reduction: as torch has it.
    """
    classes = outputs.shape[1]
    true = functional.one_hot(targets, classes).to(outputs) if targets.ndim == 1 else targets
    true = true * (1 - label_smoothing) + label_smoothing / classes
    logs = outputs.log_softmax(1)
    wrong = (-logs.expm1()).clamp_min(SMALLEST)
    losses = -(true * wrong**gamma * logs).sum(1)
    if reduction == "none":
        return losses
    return losses.mean() if reduction == "mean" else losses.sum()


LOSSES: dict[str, Callable[[float], Each]] = {
    "cross_entropy": lambda _: functional.cross_entropy,
    "focal": lambda gamma: partial(focal, gamma=gamma),
}
"""By the focal loss's gamma; each takes `label_smoothing` besides."""
