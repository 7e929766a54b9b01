"""How much of a network is frozen: ordered groups of parameters, and freezing up to one of them.

Freeze depth is the index of the first trained group, which is also the number of frozen ones: 0
trains everything, `len(groups) - 1` the classifier alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from timm.models import group_parameters
from torch import nn

from components.frame.errors import InertError, UsageError

REPEATED_CHILDREN = ("stages", "blocks", "layers", "levels", "transformers", "features")
"""Children whose own children are groups, in models that have no matcher."""
MATRIX = 2
"""Parameters with fewer dimensions are scales and offsets."""


@dataclass(frozen=True)
class Group:
    """Parameters that are frozen or trained together, in the order of the network's own list."""

    name: str
    """The modules or parameters it is made of, such as `blocks.6+conv_head+bn2`; unique."""
    parameters: tuple[str, ...]


def groups(model: nn.Module) -> tuple[Group, ...]:
    """The parameters of a model in order from stem to head, each in exactly one group.

    timm's coarse grouping with two changes: the classifier always is the last group by itself,
    and a group that only scales and shifts, such as a last norm, goes with the one before.
    """
    parts = _join_vectors(model, _split_classifier(model, _ordered(model)))
    _require_partition(model, parts)
    owners: dict[str, set[int]] = {}
    for index, part in enumerate(parts):
        for step in (step for name in part for step in _steps(name)):
            owners.setdefault(step, set()).add(index)
    return tuple(Group(_name(part, owners), tuple(part)) for part in parts)


def resolve(parts: Sequence[Group], freeze_depth: float | str) -> int:
    """The freeze depth that a parameter file means.

    An int is the index itself. A float from 0.0 to 1.0 is the fraction of the way from training
    everything to training only the head, counted in groups and rounded to the nearest, a half
    upwards. A str is a group's name or one of the names joined in it.

    Raises:
        UsageError: there is no such group.
    """
    last = len(parts) - 1
    if isinstance(freeze_depth, str):
        return _named(parts, freeze_depth)
    if isinstance(freeze_depth, bool) or not isinstance(freeze_depth, int | float):
        raise UsageError(
            f"freeze depth must be an index, a fraction or a name, but is {freeze_depth!r}."
        )
    if isinstance(freeze_depth, int):
        if 0 <= freeze_depth <= last:
            return freeze_depth
        raise UsageError(
            f"freeze depth must be from 0 (train everything) to {last} (train only "
            f"`{parts[last].name}`), but is {freeze_depth}."
        )
    if 0 <= freeze_depth <= 1:
        return int(freeze_depth * last + 0.5)
    raise UsageError(f"freeze depth as a fraction must be from 0.0 to 1.0, but is {freeze_depth}.")


def behind(parts: Sequence[Group], freeze_depth: int) -> frozenset[str]:
    """The names of the parameters that a freeze depth leaves to be trained."""
    return frozenset(name for part in parts[freeze_depth:] for name in part.parameters)


def trained_fraction(model: nn.Module, parts: Sequence[Group], freeze_depth: int) -> float:
    """The fraction of the parameters that is trained at a freeze depth, above 0 and up to 1."""
    sizes = {name: parameter.numel() for name, parameter in model.named_parameters()}
    return sum(sizes[name] for name in behind(parts, freeze_depth)) / sum(sizes.values())


def _ordered(model: nn.Module) -> list[list[str]]:
    matcher = getattr(model, "group_matcher", None)
    if callable(matcher):
        names = group_parameters(model, matcher(coarse=True))
        return [list(names[index]) for index in sorted(names)]
    units = list(_units(model))
    parts: list[list[str]] = [[] for _ in units]
    for name, _ in model.named_parameters():
        unit = next((i for i, unit in enumerate(units) if f"{name}.".startswith(f"{unit}.")), 0)
        parts[unit].append(name)
    return parts


def _units(model: nn.Module) -> Iterator[str]:
    """The modules that stand for groups in a model without a matcher, as it lists them."""
    for name, child in model.named_children():
        inner = {name: child}
        if name in REPEATED_CHILDREN:
            inner = {f"{name}.{key}": part for key, part in child.named_children()}
        yield from (key for key, part in inner.items() if any(True for _ in part.parameters()))


def _split_classifier(model: nn.Module, parts: list[list[str]]) -> list[list[str]]:
    """Give the classifier the last group for itself."""
    classifier = _classifier_parameters(model)
    head = [name for name in parts[-1] if name in classifier]
    rest = [name for name in parts[-1] if name not in classifier]
    return [*parts[:-1], *(part for part in (rest, head) if part)]


def _join_vectors(model: nn.Module, parts: list[list[str]]) -> list[list[str]]:
    """Put what holds only scales and offsets, such as a last norm, with the group before."""
    joined = parts[:1]
    for part in parts[1:]:
        if all(model.get_parameter(name).ndim < MATRIX for name in part):
            joined[-1] = [*joined[-1], *part]
        else:
            joined.append(part)
    return joined


def _classifier_parameters(model: nn.Module) -> set[str]:
    getter = getattr(model, "get_classifier", None)
    classifier = getter() if callable(getter) else ()
    heads = classifier if isinstance(classifier, tuple | list) else (classifier,)
    wanted = {id(p) for head in heads if isinstance(head, nn.Module) for p in head.parameters()}
    return {name for name, parameter in model.named_parameters() if id(parameter) in wanted}


def _require_partition(model: nn.Module, parts: list[list[str]]) -> None:
    held = sorted(name for part in parts for name in part)
    if held != sorted(name for name, _ in model.named_parameters()) or not all(parts):
        raise InertError(f"every parameter of {type(model).__name__} must be in one group.")


def _name(part: Sequence[str], owners: dict[str, set[int]]) -> str:
    """The shortest list of names below which all of this part, and no other, lies."""
    pieces = (next(step for step in _steps(name) if len(owners[step]) == 1) for name in part)
    return "+".join(dict.fromkeys(pieces))


def _steps(name: str) -> Iterator[str]:
    """`a`, `a.b` and `a.b.c` for `a.b.c`."""
    for end, letter in enumerate(name):
        if letter == ".":
            yield name[:end]
    yield name


def _named(parts: Sequence[Group], name: str) -> int:
    for index, part in enumerate(parts):
        if name == part.name or name in part.name.split("+"):
            return index
    known = [part.name for part in parts]
    near = get_close_matches(name, known, n=3, cutoff=0.4) or known
    raise UsageError(f"freeze depth must name a group of layers, but is {name!r}. Near: {near}.")
