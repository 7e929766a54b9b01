"""One step of training: a batch, in as many parts as its memory asks for."""

from collections.abc import Callable
from contextlib import ExitStack

import torch
from torch import Tensor, nn

from components.data.batch import Batch
from components.frame.errors import DataError, UsageError
from components.model.device import Precision, autocast
from components.tasks.losses import Loss
from components.tasks.task import Task
from components.training.techniques.technique import Technique
from components.training.validate import Forward
from components.training.world import ALONE, World

MOST_PARTS = 8
"""What does not fit is taken in more parts up to so many."""
FEWEST_ROWS = 2
"""Rows a part needs: batch normalisation cannot learn from one."""


class DivergedError(DataError):
    """A loss that is no number: the rate is too high, or an image's values are."""


class TooLargeError(UsageError):
    """A batch that does not fit into memory, in however many parts."""


class Stepper:
    """Takes the steps of one fit; parts that memory once asked for are taken from then on."""

    def __init__(
        self,
        model: nn.Module,
        forward: Forward,
        optimizer: torch.optim.Optimizer,
        task: Task,
        *,
        device: torch.device,
        precision: Precision,
        loss: Loss,
        techniques: tuple[Technique, ...] = (),
        parts: int = 1,
        world: World = ALONE,
        tell: Callable[[str], None] = lambda sentence: print(f"  {sentence}", flush=True),
    ) -> None:
        self.model, self.forward, self.optimizer, self.task = model, forward, optimizer, task
        self.device, self.precision, self.tell = device, precision, tell
        self.loss = loss
        self.techniques = techniques
        self.world = world
        """Each of its processes takes its slice of a batch; steps are those of all."""
        self.parts = parts
        """How many parts a batch, or a slice of one, is taken in."""

    def step(self, batch: Batch, step: int, learning_rate: float) -> tuple[Tensor, float]:
        """Train on the batch of a step; its mean loss, and the sum of its images' scores.

        Where memory runs out the batch is taken again in twice as many parts, whose gradients are
        added: the step is that of the whole batch but for batch normalisation, which sees parts.

        Raises:
            DivergedError: the loss is no number.
            TooLargeError: the batch does not fit in any number of parts.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate * group["scale"]
        with ExitStack() as around:
            for technique in self.techniques:
                around.enter_context(technique.around_step(self.model, step))
            while (taken := self._tried(batch)) is None:
                self._halve(len(self.world.slice(batch)))
            self._require_finite(taken[0], step, learning_rate)
            for technique in self.techniques:
                technique.gradients(self.model)
            self.optimizer.step()
        return taken

    def _tried(self, batch: Batch) -> tuple[Tensor, float] | None:
        """The gradients of a batch; none where memory ran out, and then nothing is held."""
        taken = None
        try:
            taken = self._accumulate(batch)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        return self._summed(taken)

    def _summed(self, taken: tuple[Tensor, float] | None) -> tuple[Tensor, float] | None:
        """Slices added up; none where memory ran out for one of them."""
        if self.world.any(taken is None, self.device) or taken is None:
            return None
        if self.world.size == 1:
            return taken
        totals = torch.stack([taken[0], taken[0].new_tensor(taken[1])])
        own = (parameter.grad for parameter in self.model.parameters())
        self.world.add([totals, *(gradient for gradient in own if gradient is not None)])
        return totals[0], float(totals[1])

    def _accumulate(self, batch: Batch) -> tuple[Tensor, float]:
        self.optimizer.zero_grad(set_to_none=True)
        loss, score = torch.zeros((), device=self.device), 0.0
        whole, own = self.loss.weight(batch.targets), self.world.slice(batch)
        size = -(-len(own) // self.parts)
        for first in range(0, len(own), size):
            part = own.part(first, first + size).to(self.device)
            with autocast(self.device, self.precision):
                outputs = self.forward(part.inputs).float()
                mean = self._penalised(part, outputs)
            fraction = mean * (self.loss.weight(part.targets) / whole)
            fraction.backward()  # type: ignore[no-untyped-call]  # torch's own
            loss += fraction.detach()
            score += float(self.task.scores(outputs.detach(), part.targets).sum())
        return loss, score

    def _penalised(self, part: Batch, outputs: Tensor) -> Tensor:
        loss = self.loss(outputs, part.targets, reduction="mean")
        for technique in self.techniques:
            penalty = technique.penalty(self.model, part, outputs)
            loss = loss if penalty is None else loss + penalty
        return loss

    def _require_finite(self, loss: Tensor, step: int, learning_rate: float) -> None:
        if not torch.isfinite(loss):
            raise DivergedError(
                f"the loss must be a number, but is {loss.item()} at step {step}, with a learning "
                f"rate of {learning_rate:g} there. Lower the rate, or the range it is searched in."
            )

    def _halve(self, rows: int) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        if self.parts >= MOST_PARTS or rows < 2 * self.parts * FEWEST_ROWS:
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
