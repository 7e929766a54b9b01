"""Activations are computed anew in the backward pass instead of kept (Chen et al. 2016).

By timm's and torch's own means; arXiv:1604.06174.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, ClassVar, Self, cast

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from components.data.batch import Batch
from components.frame.errors import InertError, UsageError
from components.model.groups import Group
from components.tasks.task import Task
from components.training.recipe import Setting
from components.training.techniques.technique import Technique


class GradientCheckpointing(Technique):
    """Trades a second forward pass of what trains for the memory of its activations.

    Frozen layers keep none and run once. In the second pass running statistics stay as they are:
    they have seen the batch.
    """

    name: ClassVar[str] = "gradient_checkpointing"
    needs_images: ClassVar[str] = "gradient checkpointing runs the whole network"

    def __init__(self) -> None:
        self.again: set[str] = set()
        """Modules that ran a second time, of those with parameters or statistics."""
        self._backward = False
        self._momenta: dict[_NormBase, float | None] = {}

    @classmethod
    def asked(cls, setting: Setting, task: Task) -> Self | None:
        """Where it is switched on."""
        return cls() if setting.gradient_checkpointing else None

    def begin(self, model: nn.Module, groups: Sequence[Group]) -> None:
        """Switch it on in the network.

        Raises:
            UsageError: the network does not have it.
        """
        try:
            cast("Any", model).set_grad_checkpointing(True)
        except (AttributeError, AssertionError) as error:
            raise UsageError(
                f"search.gradient_checkpointing must be off for {type(model).__name__}, which timm "
                "cannot train so. Take it back: thawline params --reset "
                "search.gradient_checkpointing"
            ) from error

    @contextmanager
    def around_epoch(self, model: nn.Module, epoch: int) -> Iterator[None]:
        """Watch for second passes within the block."""
        self.again = set()
        handles = [model.register_forward_pre_hook(lambda *_: self._end_backward())]
        for path, module in model.named_modules():
            if isinstance(module, _NormBase) or any(True for _ in module.parameters(recurse=False)):
                handles.append(module.register_forward_pre_hook(partial(self._runs, path)))
        try:
            yield
        finally:
            self._end_backward()
            for handle in handles:
                handle.remove()

    def penalty(self, model: nn.Module, batch: Batch, outputs: Tensor) -> None:
        """Nothing; but what runs once these outputs have gradients runs a second time."""
        outputs.register_hook(self._begin_backward)  # type: ignore[no-untyped-call]  # torch's own

    def finish(self, model: nn.Module) -> None:
        """Switch it off."""
        cast("Any", model).set_grad_checkpointing(False)

    def in_force(self) -> dict[str, Any]:
        """How many modules ran a second time.

        Raises:
            InertError: none did in the last epoch.
        """
        if not self.again:
            raise InertError("gradient checkpointing was asked for, but no layer ran a second time")
        return {"modules": len(self.again)}

    def _begin_backward(self, gradient: Tensor) -> None:
        self._backward = True

    def _end_backward(self) -> None:
        self._backward = False
        for module, momentum in self._momenta.items():
            module.momentum = momentum
        self._momenta.clear()

    def _runs(self, path: str, module: nn.Module, inputs: object) -> None:
        if not self._backward:
            return
        self.again.add(path)
        if isinstance(module, _NormBase):
            self._momenta.setdefault(module, module.momentum)
            module.momentum = 0.0
