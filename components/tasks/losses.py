"""Losses by the field's names: torch's own."""

from torch.nn import functional

from components.tasks.task import Loss

LOSSES: dict[str, Loss] = {"cross_entropy": functional.cross_entropy}
"""Each takes outputs, targets and `reduction`, and what else it is bound to."""
