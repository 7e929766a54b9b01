"""The processes that train one fit together: which this is, and what all have in common.

Each takes some of the rows of a batch; what it makes of them is added up, so that a step is
that of one process on the whole batch, but for the order in which numbers are added and for batch
normalisation, which sees a slice.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn

from components.data.batch import Batch

T = TypeVar("T")


class PartnerLostError(RuntimeError):
    """Another of the processes is gone; its own error says why."""


@dataclass(frozen=True)
class World:
    """All processes of a fit, as one of them sees them; torch's process group must be there."""

    rank: int = 0
    """From 0, which alone writes and tells."""
    size: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the process that writes and tells."""
        return self.rank == 0

    @property
    def own(self) -> tuple[int, ...]:
        """What tells this process's seeds from those of the first, which are as without others."""
        return (self.rank,) if self.rank else ()

    def slice(self, batch: Batch) -> Batch:
        """The rows of a batch that are this process's."""
        rows = slice(self.rank, None, self.size)
        return batch if self.size == 1 else Batch(batch.inputs[rows], batch.targets[rows])

    def any(self, here: bool, device: torch.device) -> bool:  # noqa: FBT001  # the one thing it asks
        """Whether something is so in any process."""
        if self.size == 1:
            return here
        found = torch.tensor(float(here), device=device)
        self.add([found])
        return bool(found > 0)

    def add(self, tensors: Sequence[Tensor]) -> None:
        """Set each tensor, in place, to its sum over all processes."""
        if self.size == 1 or not tensors:
            return
        flat = torch.cat([tensor.detach().reshape(-1).float() for tensor in tensors])
        _together(lambda group: group.all_reduce(flat))
        parts = torch.split(flat, [tensor.numel() for tensor in tensors])
        with torch.no_grad():
            for tensor, part in zip(tensors, parts, strict=True):
                tensor.copy_(part.view(tensor.shape))

    def agreed(self, make: Callable[[], T]) -> T:
        """What the first process makes, in all of them; only that one makes it."""
        if self.size == 1:
            return make()
        held = [make() if self.first else None]
        _together(lambda group: group.broadcast_object_list(held, src=0))
        return cast("T", held[0])

    def align(self, model: nn.Module, *, buffers_alone: bool = False) -> None:
        """Give a network the first process's buffers, and parameters."""
        if self.size == 1:
            return
        held = [*model.buffers(), *([] if buffers_alone else model.parameters())]
        with torch.no_grad():
            for tensor in held:
                plain = tensor.detach().contiguous()
                _together(partial(_sent, plain))
                tensor.copy_(plain)


ALONE = World()
"""One process."""


def _sent(tensor: Tensor, group: Any) -> None:  # noqa: ANN401  # torch's module
    group.broadcast(tensor, src=0)


def _together(call: Callable[[Any], object]) -> None:
    """Have all processes do something at once."""
    try:
        call(torch.distributed)
    except RuntimeError as error:  # torch's own: a connection is gone, or it took too long
        raise PartnerLostError(str(error)) from error
