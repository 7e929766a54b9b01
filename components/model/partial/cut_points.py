"""Finding where a network can be cut, and verifying it by numbers."""

import copy
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd
from torch.utils._pytree import tree_leaves

from components.model import freezing
from components.model.groups import Group
from components.model.partial.forward import Cut, CutError, CutPoint, Memo
from components.model.partial.shapes import shape_tensor
from components.model.partial.trace import Call, trace

PERTURBATION = 0.02
"""Added to the weights that are verified: a branch that starts at zero would hide a fault."""
PROBED_DROPOUT = 0.5
MODEL_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What the code of an architecture raises when it is run in a way it was not written for."""


@dataclass(frozen=True)
class CutPoints:
    """Where an architecture can be cut for images of one size."""

    points: dict[int, CutPoint]
    """By freeze depth, from 1 on."""
    refusals: dict[int, str]
    """Why it cannot be cut at the other freeze depths."""
    shape: tuple[int, ...]
    """Of an image: (C, H, W)."""
    memo: Memo = field(default_factory=dict, repr=False, compare=False)
    """What modules return for shape tensors, shared by all cuts."""

    def cut(self, model: nn.Module) -> Cut:
        """A network of this architecture, of any weights, that can be cut."""
        return Cut(model, self.points.values(), self.shape, self.memo)


@dataclass(frozen=True)
class _Candidate:
    """A point that may turn out right."""

    point: CutPoint
    behind: frozenset[str]
    """The modules that run after the last frozen one, or are under way then."""


def find_cut_points(
    model: nn.Module, groups: Sequence[Group], images: Tensor, only: Collection[int] | None = None
) -> CutPoints:
    """Find and verify a point for every freeze depth from 1 on, or for those in `only`.

    On a copy on the CPU with perturbed weights, and with the dropout behind the cut switched on,
    the suffix must give the whole model's logits and gradients to the bit in training mode, and
    its logits in evaluation mode. The model and torch's random state stay as they are.

    Args:
        model: a model with the dropout rates and the size of images that training uses.
        groups: its groups, from `groups.groups`.
        images: two or three, (N, C, H, W); their values do not matter.
        only: the freeze depths that are of interest.
    """
    twin = _perturbed(model)
    example = torch.randn(images.shape, generator=torch.Generator().manual_seed(1))
    shape = tuple(example.shape[1:])
    wanted = sorted(only or range(1, len(groups)))
    try:
        traced = trace(twin, groups, shape_tensor(example.shape, example))
    except MODEL_ERRORS as error:
        return CutPoints({}, dict.fromkeys(wanted, f"it cannot be followed ({error})"), shape)
    cut_points = CutPoints({}, {}, shape, traced.memo)
    for freeze_depth in wanted:
        candidates = _candidates(traced.calls, freeze_depth, len(groups))
        result = _first_right(twin, groups, candidates, example, cut_points.memo)
        if isinstance(result, CutPoint):
            cut_points.points[freeze_depth] = result
        else:
            cut_points.refusals[freeze_depth] = result
    return cut_points


def _perturbed(model: nn.Module) -> nn.Module:
    """A copy on the CPU, its weights shifted a little and always the same way."""
    twin = copy.deepcopy(model).float().cpu()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * PERTURBATION)
    return twin


def _candidates(calls: Sequence[Call], freeze_depth: int, count: int) -> Iterator[_Candidate]:
    """Points before a group, those with less left to do behind them first."""
    whole = [call for call in calls if call.owners == {freeze_depth}][:1]
    if freeze_depth == count - 1:  # pooling inside the head's module may come before the cut
        whole = [call for call in calls if freeze_depth in call.own][:1] + whole
    for target in whole:
        yield from _before(calls, target, freeze_depth)
    for path in reversed(whole[0].above[1:] if whole else ()):
        around = next(call for call in calls if call.path == path)
        yield from _before(calls, around, freeze_depth)


def _before(calls: Sequence[Call], target: Call, freeze_depth: int) -> Iterator[_Candidate]:
    """From the input of a module back to the output of the last one with parameters before it."""
    above = set(target.above)
    done = [
        call
        for call in calls
        if call.begun < target.begun and call.path not in above and above.issuperset(call.above)
    ]
    last = max((place for place, call in enumerate(done) if call.owners), default=0)
    start = done[last].ended if done else -1
    early = {call.path for call in calls if call.begun <= start} - above
    behind = frozenset({call.path for call in calls if call.begun > start} - early | above)
    times = Counter(call.path for call in calls)
    for place in range(len(done), last - 1, -1):
        before = tuple(dict.fromkeys(call.path for call in done[:place]))
        call = done[place] if place < len(done) else target
        if times[call.path] > 1:
            continue
        at = partial(CutPoint, freeze_depth=freeze_depth, module=call.path, before=before)
        if call is not target and call.single:
            yield _Candidate(at(side="output", leaf=0), behind)
        if len(call.leaves) == 1 and (call is target or place > last):
            yield _Candidate(at(side="input", leaf=call.leaves[0]), behind)


def _first_right(
    twin: nn.Module,
    groups: Sequence[Group],
    candidates: Iterator[_Candidate],
    example: Tensor,
    memo: Memo,
) -> CutPoint | str:
    """The first candidate that proves right, or why the most promising one is not."""
    reasons = []
    for candidate in candidates:
        cut = Cut(twin, [candidate.point], tuple(example.shape[1:]), memo)
        try:
            return _verified(cut, groups, candidate, example)
        except MODEL_ERRORS as error:
            reasons.append(str(error))
    return (reasons or ["no single tensor leads into it"])[0]


def _verified(
    cut: Cut, groups: Sequence[Group], candidate: _Candidate, example: Tensor
) -> CutPoint:
    """The point, with what was learned about it.

    Raises:
        CutError: the suffix is not the rest of the model.
    """
    twin, point = cut.model, candidate.point
    freezing.freeze(twin, groups, point.freeze_depth)
    activation = cut.tap(example, [point.freeze_depth])[point.freeze_depth]
    if len(activation) != len(example) or not activation.is_floating_point():
        raise CutError(f"`{point.module}` has no row of numbers for each image.")
    mine = activation.clone()
    with _dropout(twin, candidate.behind):
        whole = _outcome(twin.train(), lambda: twin(example))
        part = _outcome(twin, lambda: cut.suffix(mine, point.freeze_depth))
    _require_equal(twin, whole, part)
    with torch.no_grad():
        logits = twin.eval()(example)
        _require_equal(twin, [logits], [cut.suffix(activation.clone(), point.freeze_depth)])
    overwritten = mine._version > 0  # noqa: SLF001  # torch counts changes in place
    return replace(point, shape=tuple(activation.shape[1:]), clones=overwritten)


def _outcome(twin: nn.Module, run: Callable[[], Any]) -> list[Any]:
    """The logits and the gradients of a weighted sum of them; the random state stays."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        logits = run()
    leaves = tree_leaves(logits)
    loss = sum((leaf * torch.linspace(1, 2, leaf.numel()).view_as(leaf)).sum() for leaf in leaves)
    trained = [parameter for parameter in twin.parameters() if parameter.requires_grad]
    gradients = torch.autograd.grad(loss, trained, allow_unused=True)
    return [logits, *gradients]


def _require_equal(twin: nn.Module, whole: list[Any], part: list[Any]) -> None:
    """See that the suffix gives what the whole model gives, to the bit.

    Raises:
        CutError: it does not.
    """
    trained = [name for name, parameter in twin.named_parameters() if parameter.requires_grad]
    for name, one, other in zip(["", *trained], whole, part, strict=False):
        pairs = zip(tree_leaves(one), tree_leaves(other), strict=True)
        if not all(a is b or (None not in (a, b) and torch.equal(a, b)) for a, b in pairs):
            what = f"the gradient of `{name}`" if name else "the output"
            raise CutError(f"{what} behind the cut is not that of the whole model.")


@contextmanager
def _dropout(twin: nn.Module, paths: Collection[str]) -> Iterator[None]:
    """Switch on whatever drops values in some modules."""
    before = []
    for path in paths:
        module = twin.get_submodule(path)
        names = ["drop_rate", "drop_prob", *(["p"] if isinstance(module, _DropoutNd) else [])]
        for name in names:
            if isinstance(getattr(module, name, None), int | float):
                before.append((module, name, getattr(module, name)))
                setattr(module, name, PROBED_DROPOUT)
    try:
        yield
    finally:
        for module, name, value in before:
            setattr(module, name, value)
