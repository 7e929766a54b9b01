"""One step of training: a batch, in as many parts as its memory asks for."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from components.frame.errors import DataError, UsageError
from components.model.device import Precision, autocast
from components.training.score import Forward

MOST_PARTS = 8
"""A batch is halved at most three times."""
FEWEST_ROWS = 2
"""Rows a part needs: batch normalisation cannot learn from one."""


class DivergedError(DataError):
    """A loss that is no number: the rate is too high, or an image's values are."""


class TooLargeError(UsageError):
    """A batch that does not fit into memory, in however many parts."""


class Steps:
    """Steps of one fit; a part of a batch that memory once held only is all it asks for later."""

    def __init__(
        self, forward: Forward, optimizer: torch.optim.Optimizer, *, device: torch.device,
        precision: Precision, label_smoothing: float, parts: int = 1,
        tell: Callable[[str], None] = lambda sentence: print(f"  {sentence}", flush=True),
    ) -> None:  # fmt: skip
        self.forward, self.optimizer, self.device = forward, optimizer, device
        self.precision, self.tell = precision, tell
        self.criterion = nn.CrossEntropyLoss(label_smoothing=label_smoothing)
        self.parts = parts
        """How many parts a batch is taken in."""

    def step(self, inputs: Tensor, labels: Tensor, step: int, rate: float) -> tuple[Tensor, int]:
        """Train on the batch of a step; its mean loss, and how many rows were right.

        Where memory runs out the batch is taken again in twice as many parts, whose gradients are
        added: the step is that of the whole batch but for batch normalisation, which sees parts.

        Raises:
            DivergedError: the loss is no number.
            TooLargeError: the batch does not fit in any number of parts.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["scale"]
        while (taken := self._tried(inputs, labels)) is None:
            self._halve(len(labels))
        loss, _ = taken
        if not torch.isfinite(loss):
            raise DivergedError(
                f"the loss must be a number, but is {loss.item()} at step {step}, with a "
                f"learning rate of {rate:g} there. Lower the rate, or the range it is searched in."
            )
        self.optimizer.step()
        return taken

    def _tried(self, inputs: Tensor, labels: Tensor) -> tuple[Tensor, int] | None:
        """The gradients of a batch; none where memory ran out, and then nothing is held."""
        try:
            return self._accumulate(inputs, labels)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        return None

    def _accumulate(self, inputs: Tensor, labels: Tensor) -> tuple[Tensor, int]:
        self.optimizer.zero_grad(set_to_none=True)
        loss, right = torch.zeros((), device=self.device), 0
        size, labels = -(-len(labels) // self.parts), labels.to(self.device)
        for first in range(0, len(labels), size):
            rows, wanted = inputs[first : first + size], labels[first : first + size]
            with autocast(self.device, self.precision):
                outputs = self.forward(rows.to(self.device)).float()
                mean = self.criterion(outputs, wanted)
            part = mean * (len(wanted) / len(labels))
            part.backward()
            loss += part.detach()
            most = wanted if wanted.ndim == 1 else wanted.argmax(1)
            right += int((outputs.argmax(1) == most).sum())
        return loss, right

    def _halve(self, rows: int) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        if self.parts == MOST_PARTS or rows < 2 * self.parts * FEWEST_ROWS:
            raise TooLargeError(
                f"a batch of {rows} must fit into memory, but does not even in parts of "
                f"{rows // self.parts}. Lower search.batch_size or augment.image_size."
            )
        self.parts *= 2
        self.tell(
            f"out of memory: the batch of {rows} is taken in {self.parts} parts from here on, "
            "their gradients are added; batch normalisation sees the parts"
        )


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a device or this machine had no memory left; torch has a type for the former only."""
    no_memory = ("can't allocate memory", "not enough memory", "out of memory")
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or any(
        words in str(error) for words in no_memory
    )
