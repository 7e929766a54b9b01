"""A tensor that has a shape but no values: it stands for what is not computed.

Every operation on a shape tensor gives a shape tensor, at the price of the shapes alone. What a
network does with its image before a cut is so passed through quickly and without code for single
architectures.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch.nn import functional
from torch.utils._pytree import tree_leaves, tree_map_only


class ShapeTensor(torch.Tensor):
    """Shape, type and strides of a tensor on the device `origin`."""

    origin: torch.device
    known: tuple[int, ...]
    """Its shape, at hand without an operation."""

    @classmethod
    def __torch_function__(
        cls,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401  # whatever the operation gives
        """Do an operation on the shapes alone."""
        first = next(leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, ShapeTensor))
        if func == _DEVICE:
            return first.__dict__["origin"]
        if func in _KEEP_SHAPE and isinstance(args[0], ShapeTensor):
            return args[0]
        args, kwargs = tree_map_only(torch.Tensor, _shape_only, (args, kwargs or {}))
        with torch.no_grad(), torch._C.DisableTorchFunctionSubclass():  # noqa: SLF001  # torch's way
            result = func(*args, **kwargs)
        return tree_map_only(
            torch.Tensor, lambda value: _wrap(value, first.__dict__["origin"]), result
        )


_DEVICE = torch.Tensor.device.__get__
_KEEP_SHAPE = (functional.batch_norm, functional.layer_norm, functional.group_norm)
"""torch works out the shapes of these in Python, milliseconds each."""


def shape_tensor(shape: Iterable[int], like: torch.Tensor) -> ShapeTensor:
    """A shape tensor of a shape, with the type and device of another tensor."""
    return _wrap(torch.empty(tuple(shape), dtype=like.dtype, device="meta"), like.device)


def shape_tensors(value: object) -> list[int]:
    """The places of the shape tensors among the leaves of nested lists, tuples and dictionaries."""
    return [place for place, leaf in enumerate(tree_leaves(value)) if isinstance(leaf, ShapeTensor)]


def signature(leaves: Iterable[object]) -> tuple[object, ...]:
    """Shape and device of every shape tensor: what decides about those that come of them."""
    attributes = (vars(leaf) for leaf in leaves if isinstance(leaf, ShapeTensor))
    return tuple((known["known"], known["origin"]) for known in attributes)


def _wrap(value: torch.Tensor, origin: torch.device) -> ShapeTensor:
    wrapped = value.as_subclass(ShapeTensor)
    wrapped.__dict__.update(origin=origin, known=tuple(value.shape))
    return wrapped


def _shape_only(value: torch.Tensor) -> torch.Tensor:
    if isinstance(value, ShapeTensor):
        with torch._C.DisableTorchFunctionSubclass():  # noqa: SLF001  # as torch's own subclasses do it
            return value.as_subclass(torch.Tensor)
    return value.detach().to("meta")
