"""What a technique of fine-tuning may do to a fit. The loop calls each of these and knows no more.

A technique overrides what it needs; everything else does nothing.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, ClassVar, Self

from torch import Tensor, nn

from components.data.batch import Batch
from components.model.groups import Group
from components.tasks.task import Task
from components.training.recipe import Setting

Tensors = dict[str, Tensor]


class Technique:
    """One technique, as one fit uses it."""

    name: ClassVar[str]
    needs_images: ClassVar[str] = ""
    """Why kept activations of the frozen layers cannot be used with it; empty: they can."""

    @classmethod
    def asked(cls, setting: Setting, task: Task) -> Self | None:
        """The technique as a setting asks for it; None where it does not."""
        raise NotImplementedError

    def prepare(self, model: nn.Module, groups: Sequence[Group]) -> Sequence[Group]:
        """Change the network before anything is frozen: add, replace; its groups afterwards."""
        return groups

    def trained(
        self, model: nn.Module, groups: Sequence[Group], names: frozenset[str]
    ) -> frozenset[str]:
        """Those of the parameters' names that it leaves to be trained; all others are frozen."""
        return names

    def begin(self, model: nn.Module, groups: Sequence[Group]) -> None:
        """Look at the network as it starts: prepared, frozen, nothing trained yet."""

    def phases(self, epochs: int) -> Sequence[int]:
        """The epochs, from 1, with which the schedule of the rate starts anew, of so many.

        Asked before each epoch, the first time after `begin`.
        """
        return (1,)

    def around_epoch(self, model: nn.Module, epoch: int) -> AbstractContextManager[None]:
        """What holds while the epoch of this number, from 1, trains."""
        return nullcontext()

    def around_step(self, model: nn.Module, step: int) -> AbstractContextManager[None]:
        """What holds around the step of this number, from 0, the optimizer's included."""
        return nullcontext()

    def batch(self, batch: Batch, seed: int) -> Batch:
        """The batch that is trained on in place of `batch`; `seed` is this step's own."""
        return batch

    def penalty(self, model: nn.Module, batch: Batch, outputs: Tensor) -> Tensor | None:
        """What is added to the mean loss of a part of a batch; None: nothing."""
        return None

    def gradients(self, model: nn.Module) -> None:
        """Change the gradients of a step before the optimizer takes it."""

    def around_validation(self, model: nn.Module) -> AbstractContextManager[None]:
        """What holds while an epoch is validated and, if it is the best, kept."""
        return nullcontext()

    def finish(self, model: nn.Module) -> None:
        """Give the network back in its own form, with what was trained in it.

        Also of a fit that failed, before or after `prepare`.
        """

    def state(self) -> Tensors:
        """What a fit that goes on after a kill needs, besides the model and the optimizer."""
        return {}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Put back what `state` gave."""

    def in_force(self) -> dict[str, Any]:
        """What it did, to be kept with the run; asked after every epoch.

        Raises:
            InertError: it was asked for and did nothing.
        """
        return {}
