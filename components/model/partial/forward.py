"""Running a network up to a freeze depth, or from there on, without code for single architectures.

The model's own `forward` runs every time. Before the cut the outermost modules are replaced by
stand-ins that return shape tensors, which have no values; at the cut the activation takes their
place; from there on all is real, with gradients. A pass that only needs activations ends at the
last of them. Where to cut is found and verified in `cut_points.py`.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten, tree_unflatten

from components.model.partial.shapes import ShapeTensor, shape_tensor, shape_tensors, signature

Forward = Callable[..., Any]
Memo = dict[tuple[str, tuple[object, ...]], Any]
"""What a module (by its path) returned for shape tensors (by their signature)."""


@dataclass(frozen=True, kw_only=True)
class CutPoint:
    """Where a network is cut: all frozen modules lie before, all trained ones behind."""

    freeze_depth: int
    module: str
    """Path of a module that is called once in a pass."""
    side: Literal["input", "output"]
    leaf: int
    """Which of the module's arguments, flattened, is cut; 0 for an output."""
    before: tuple[str, ...]
    """The outermost modules that are done before the cut."""
    shape: tuple[int, ...] = ()
    """Of one image's activation."""
    clones: bool = False
    """Whether what follows overwrites the activation, so that it needs a copy."""


class CutError(RuntimeError):
    """A network could not be run from a point: it is not to be cut there."""


class _ReachedError(Exception):
    """All activations wanted are there: the rest of the pass is not needed."""


@dataclass(kw_only=True)
class _Pass:
    """One run of the model: where it starts, what it must collect."""

    start: CutPoint | None
    activation: Tensor | None
    wanted: tuple[CutPoint, ...]
    taken: dict[int, Tensor]
    started: bool

    def begins(self, path: str, side: str) -> bool:
        here = self.start is not None and (self.start.module, self.start.side) == (path, side)
        return here and not self.started

    def take(self, path: str, side: str, leaves: list[Any]) -> None:
        for point in self.wanted:
            if (point.module, point.side) == (path, side):
                self.taken[point.freeze_depth] = leaves[point.leaf].detach().clone()
        if self.wanted and len(self.taken) == len(self.wanted):
            raise _ReachedError


class Cut:
    """A model with the points at which it can be cut."""

    def __init__(
        self, model: nn.Module, points: Iterable[CutPoint], shape: tuple[int, ...], memo: Memo
    ) -> None:
        """Bind points that were found for this architecture to a model.

        Args:
            model: any network of the architecture.
            points: as `find_cut_points` found them.
            shape: an image's, (C, H, W).
            memo: what modules return for shape tensors; grows with new batch sizes.
        """
        self.model = model
        self.points: Mapping[int, CutPoint] = {point.freeze_depth: point for point in points}
        self.shape = shape
        self._memo = memo

    def tap(self, images: Tensor, freeze_depths: Collection[int]) -> dict[int, Tensor]:
        """The activations (N, ...) at some freeze depths, from one pass over images (N, C, H, W).

        The whole model runs in evaluation mode and without gradients: it is frozen there.
        """
        return self._collect(None, None, images, freeze_depths)

    def advance(
        self, activation: Tensor, freeze_depth: int, to: Collection[int]
    ) -> dict[int, Tensor]:
        """The activations at higher freeze depths, from that at `freeze_depth`, as `tap` gives."""
        return self._collect(
            self.points[freeze_depth], activation, self._shape_tensor(activation), to
        )

    def suffix(self, activation: Tensor, freeze_depth: int) -> Any:  # noqa: ANN401  # the model's own output
        """What the model returns for the images behind the activation, in its present mode."""
        point = self.points[freeze_depth]
        run = _Pass(
            start=point,
            activation=activation.clone() if point.clones else activation,
            wanted=(),
            taken={},
            started=False,
        )
        with self._replaced(run, point.before):
            output = self.model(self._shape_tensor(activation))
        if not run.started or shape_tensors(output):
            raise CutError(f"values from before `{point.module}` are used after it.")
        return output

    def _collect(
        self, start: CutPoint | None, activation: Tensor | None, images: Tensor, to: Collection[int]
    ) -> dict[int, Tensor]:
        wanted = tuple(self.points[freeze_depth] for freeze_depth in to)
        run = _Pass(
            start=start, activation=activation, wanted=wanted, taken={}, started=start is None
        )
        if not wanted:
            return {}
        before = () if start is None else start.before
        with torch.no_grad(), evaluating(self.model), self._replaced(run, before):
            try:
                self.model(images)
            except _ReachedError:
                return {freeze_depth: run.taken[freeze_depth] for freeze_depth in to}
        raise CutError(f"the points {set(to) - set(run.taken)} were not reached.")

    def _shape_tensor(self, activation: Tensor) -> ShapeTensor:
        return shape_tensor((len(activation), *self.shape), activation)

    @contextmanager
    def _replaced(self, run: _Pass, before: Iterable[str]) -> Iterator[None]:
        """Give the modules that matter to a pass a `forward` that knows of it."""
        special = [point.module for point in (run.start, *run.wanted) if point is not None]
        paths = dict.fromkeys((*before, *special))
        modules = [(path, self.model.get_submodule(path)) for path in paths]
        before_all = [(module, vars(module).get("forward")) for _, module in modules]
        try:
            for path, module in modules:
                vars(module)["forward"] = self._forward(run, path, module)
            yield
        finally:
            for module, forward in before_all:
                vars(module).pop("forward")
                vars(module).update({"forward": forward} if forward else {})

    def _forward(self, run: _Pass, path: str, module: nn.Module) -> Forward:
        original: Forward = module.forward

        def forward(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  # any module's
            leaves, tree = tree_flatten((args, kwargs))
            if run.begins(path, "input") and run.start is not None:
                leaves[run.start.leaf], run.started = run.activation, True
                args, kwargs = tree_unflatten(leaves, tree)
            elif not run.started and shape_tensors(leaves):
                if run.begins(path, "output"):
                    run.started = True
                    run.take(path, "output", [run.activation])
                    return run.activation
                key = (path, signature(leaves))
                if key not in self._memo:
                    with evaluating(module):
                        self._memo[key] = original(*args, **kwargs)
                return self._memo[key]
            run.take(path, "input", leaves)
            result = original(*args, **kwargs)
            run.take(path, "output", [result])
            return result

        return forward


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put every module into evaluation mode, and afterwards each back into its own."""
    before = [(module, module.training) for module in model.modules()]
    try:
        for module, _ in before:
            module.training = False
        yield
    finally:
        for module, training in before:
            module.training = training
