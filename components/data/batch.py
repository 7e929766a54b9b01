"""What a network takes at once: inputs with their targets, whatever they are."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Inputs and targets, a row an image."""

    inputs: Tensor
    """Images (n, 3, size, size) of float32, or what frozen layers made of them (n, ...)."""
    targets: Tensor
    """As the task's loss takes them, (n, ...)."""

    def __len__(self) -> int:
        """How many images there are."""
        return len(self.targets)

    def part(self, first: int, end: int) -> "Batch":
        """The rows from `first` up to `end`, which may lie beyond the last."""
        return Batch(self.inputs[first:end], self.targets[first:end])

    def to(self, device: torch.device) -> "Batch":
        """The same on a device."""
        return Batch(self.inputs.to(device), self.targets.to(device))

    def filled(self, size: int) -> "Batch":
        """With copies of the last input up to `size` inputs; the targets stay as they are.

        Rows are computed in the same way wherever they stand, but not in batches of another size.
        """
        return replace(self, inputs=padded(self.inputs, size))


def padded(rows: Tensor, size: int) -> Tensor:
    """Rows (n, ...) filled up to `size` with copies of the last one."""
    missing = size - len(rows)
    if missing <= 0:
        return rows
    return torch.cat([rows, rows[-1:].expand(missing, *rows.shape[1:])])
