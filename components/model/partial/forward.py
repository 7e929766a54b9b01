"""Running a network up to a depth, or from there on, without code for single architectures.

The model's own `forward` runs every time. Before the cut the outermost modules are replaced by
stand-ins that return ghosts, which have shapes only; at the cut the activation takes the ghost's
place; from there on all is real, with gradients. A pass that only needs activations ends at the
last of them. Where to cut is found and verified in `survey.py`.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten, tree_unflatten

from components.model.partial.shapes import Ghost, ghost, ghosts, signature

Forward = Callable[..., Any]
Memo = dict[tuple[str, tuple[object, ...]], Any]
"""What a module (by its path) returned for ghosts (by their signature)."""


@dataclass(frozen=True)
class Point:
    """Where a network is cut: all frozen modules lie before, all trained ones behind."""

    depth: int
    module: str
    """Path of a module that is called once in a pass."""
    side: Literal["input", "output"]
    leaf: int
    """Which of the module's arguments, flattened, is cut; 0 for an output."""
    before: tuple[str, ...]
    """The outermost modules that are done before the cut."""
    shape: tuple[int, ...] = ()
    """Of one picture's activation."""
    clones: bool = False
    """Whether what follows overwrites the activation, so that it needs a copy."""


class CutError(RuntimeError):
    """A network could not be run from a point: it is not to be cut there."""


class _ReachedError(Exception):
    """All activations wanted are there: the rest of the pass is not needed."""


@dataclass
class _Pass:
    """One run of the model: where it starts, what it has to collect."""

    start: Point | None
    activation: Tensor | None
    wanted: tuple[Point, ...]
    taken: dict[int, Tensor]
    started: bool

    def begins(self, path: str, side: str) -> bool:
        here = self.start is not None and (self.start.module, self.start.side) == (path, side)
        return here and not self.started

    def take(self, path: str, side: str, leaves: list[Any]) -> None:
        for point in self.wanted:
            if (point.module, point.side) == (path, side):
                self.taken[point.depth] = leaves[point.leaf].detach().clone()
        if self.wanted and len(self.taken) == len(self.wanted):
            raise _ReachedError


class Cut:
    """A model with the points at which it can be cut."""

    def __init__(
        self, model: nn.Module, points: Iterable[Point], shape: tuple[int, ...], memo: Memo
    ) -> None:
        """Bind points that were found for this architecture to a model.

        Args:
            model: any network of the architecture.
            points: as `survey` found them.
            shape: a picture's, (C, H, W).
            memo: what modules return for ghosts; grows with new batch sizes.
        """
        self.model = model
        self.points: Mapping[int, Point] = {point.depth: point for point in points}
        self.shape = shape
        self._memo = memo

    def tap(self, pictures: Tensor, depths: Collection[int]) -> dict[int, Tensor]:
        """The activations (N, ...) at some depths, from one pass over pictures (N, C, H, W).

        The whole model runs in evaluation mode and without gradients: it is frozen there.
        """
        return self._collect(None, None, pictures, depths)

    def advance(self, activation: Tensor, depth: int, to: Collection[int]) -> dict[int, Tensor]:
        """The activations at deeper depths, from the one at `depth`, as `tap` would give them."""
        return self._collect(self.points[depth], activation, self._ghost(activation), to)

    def suffix(self, activation: Tensor, depth: int) -> Any:  # noqa: ANN401  # the model's own output
        """What the model returns for the pictures behind the activation, in its present mode."""
        point = self.points[depth]
        run = _Pass(
            point, activation.clone() if point.clones else activation, (), {}, started=False
        )
        with self._replaced(run, point.before):
            output = self.model(self._ghost(activation))
        if not run.started or ghosts(output):
            raise CutError(f"values from before `{point.module}` are used after it.")
        return output

    def _collect(
        self, start: Point | None, activation: Tensor | None, pictures: Tensor, to: Collection[int]
    ) -> dict[int, Tensor]:
        wanted = tuple(self.points[depth] for depth in to)
        run = _Pass(start, activation, wanted, {}, started=start is None)
        if not wanted:
            return {}
        before = () if start is None else start.before
        with torch.no_grad(), evaluating(self.model), self._replaced(run, before):
            try:
                self.model(pictures)
            except _ReachedError:
                return {depth: run.taken[depth] for depth in to}
        raise CutError(f"the points {set(to) - set(run.taken)} were not reached.")

    def _ghost(self, activation: Tensor) -> Ghost:
        return ghost((len(activation), *self.shape), activation)

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
            elif not run.started and ghosts(leaves):
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
