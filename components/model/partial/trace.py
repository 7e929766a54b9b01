"""What a network does in one pass: its calls, and what they cost."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from components.model.groups import Group
from components.model.partial.forward import Memo, evaluating
from components.model.partial.shapes import ShapeTensor, shape_tensors, signature

FLOPS_PER_MAC = 2
"""torch counts a multiplication and an addition."""


@dataclass(kw_only=True)
class Call:
    """A module at work."""

    path: str
    own: frozenset[int]
    """The groups of the parameters that the module itself holds."""
    owners: frozenset[int]
    """The groups of all parameters in it."""
    above: tuple[str, ...]
    """The modules under way when it was called, the model ("") first."""
    leaves: tuple[int, ...]
    """Which of its arguments, flattened, depend on the images."""
    begun: int
    ended: int = -1
    """Places in the order of all beginnings and ends."""
    single: bool = False
    """Whether it returns one tensor, which depends on the images."""


@dataclass
class Trace:
    """One pass of a network."""

    macs: list[int]
    """Multiply-accumulates of each group for one image, forwards."""
    calls: list[Call] = field(default_factory=list)
    """In the order in which they began."""
    memo: Memo = field(default_factory=dict)
    """What the modules returned for shape tensors."""


def trace(model: nn.Module, groups: Sequence[Group], images: Tensor) -> Trace:
    """Follow a pass in evaluation mode.

    What is done between the calls of two groups' modules is counted for the earlier group.

    Args:
        model: any model.
        groups: its groups, from `groups.groups`.
        images: (N, C, H, W); shape tensors, if it is of interest what depends on them.
    """
    recorder = _Recorder(model, groups)
    with torch.no_grad(), evaluating(model), recorder.counter, recorder.hooked(model):
        model(images)
    recorder.flush()
    macs = [flops // FLOPS_PER_MAC // len(images) for flops in recorder.flops]
    return Trace(macs, recorder.calls, recorder.memo)


class _Counter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts by torch's formulas; torch's own counter fails on some models."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.flops = 0

    def __torch_dispatch__(
        self,
        func: Any,  # noqa: ANN401  # torch's signature
        types: Any,  # noqa: ANN401  # torch's signature
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401  # torch's signature
        result = func(*args, **(kwargs or {}))
        formula = flop_registry.get(func._overloadpacket)  # noqa: SLF001  # the key of torch's table
        if formula is not None:
            self.flops += formula(*args, **(kwargs or {}), out_val=result)
        return result


class _Recorder:
    """Writes down the beginning and end of every call."""

    def __init__(self, model: nn.Module, groups: Sequence[Group]) -> None:
        self.counter = _Counter()
        self.flops = [0] * len(groups)
        self.calls: list[Call] = []
        self.memo: Memo = {}
        self._under_way: list[Call] = []
        self._clock = 0
        self._group = 0
        self._counted = 0
        owner = {name: index for index, group in enumerate(groups) for name in group.parameters}
        self._owner = {id(model.get_parameter(name)): index for name, index in owner.items()}

    def flush(self) -> None:
        """Count what was done since the last call of this for the group that was at work."""
        total = self.counter.flops
        self.flops[self._group] += total - self._counted
        self._counted = total

    @contextmanager
    def hooked(self, model: nn.Module) -> Iterator[None]:
        handles = [handle for item in model.named_modules() for handle in self._hook(*item)]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _hook(self, path: str, module: nn.Module) -> list[Any]:
        own = self._groups(module.parameters(recurse=False))
        owners = self._groups(module.parameters())

        def begin(_module: nn.Module, args: Any, kwargs: Any) -> None:  # noqa: ANN401  # torch's signature
            above = tuple(call.path for call in self._under_way)
            leaves = tuple(shape_tensors((args, kwargs)))
            call = Call(
                path=path, own=own, owners=owners, above=above, leaves=leaves, begun=self._clock
            )
            self._begin(call)

        def end(_module: nn.Module, args: Any, kwargs: Any, result: Any) -> None:  # noqa: ANN401  # torch's signature
            self._end(single=isinstance(result, ShapeTensor))
            known = signature(tree_leaves((args, kwargs)))
            if known:
                self.memo[path, known] = result

        return [
            module.register_forward_pre_hook(begin, with_kwargs=True),
            module.register_forward_hook(end, with_kwargs=True),
        ]

    def _groups(self, parameters: Iterator[nn.Parameter]) -> frozenset[int]:
        return frozenset(self._owner[id(parameter)] for parameter in parameters)

    def _begin(self, call: Call) -> None:
        self.flush()
        if len(call.owners) == 1:
            (self._group,) = call.owners
        self.calls.append(call)
        self._under_way.append(call)
        self._clock += 1

    def _end(self, *, single: bool) -> None:
        call = self._under_way.pop()
        call.ended, call.single = self._clock, single
        self._clock += 1
