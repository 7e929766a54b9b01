"""Whether weights are those of a network: names, shapes, numbers, and that it answers with them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import timm
import torch

from components.frame.errors import DataError, UsageError
from components.model.backbone import build_pretrained
from components.model.description import PretrainedDescription
from components.model.head import classifier_names
from components.model.weights.stated import CHANNELS

State = dict[str, torch.Tensor]
FORMATS = (torch.float32, torch.float16, torch.bfloat16, torch.float64)
"""In which weights may be kept; what has fewer digits is no whole file of them."""
COUNTER = "num_batches_tracked"
"""What BatchNorm counts and evaluation never reads: old files lack it, averages divide it."""
ABSENT = "none"
"""For the form of an entry that there is not."""
SHOWN = 3
"""Differing entries told: so many that the network has, so many that it has not."""
REFUSALS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What timm's networks raise where their arguments make no sense."""


@dataclass(frozen=True, kw_only=True)
class Network:
    """A network of timm by the forms of its entries, without the numbers, which cost memory."""

    architecture: str
    arguments: Mapping[str, Any]
    """Of `timm.create_model`, besides the name."""
    heads: tuple[str, ...]
    """How the names of its classifier's entries begin."""
    body: Mapping[str, str]
    """The form of every other entry by name, in the network's order."""
    head: Mapping[str, str]
    stated: Mapping[str, Any]
    """What timm says of the weights that were published for it."""

    @classmethod
    def of(cls, architecture: str, arguments: Mapping[str, Any]) -> Self:
        """The network that timm builds of these arguments.

        Raises:
            DataError: it builds none.
        """
        try:
            with torch.device("meta"):
                model = timm.create_model(architecture, **arguments)
        except REFUSALS as error:
            raise DataError(
                f"{architecture} must take the arguments that its weights state, "
                f"{dict(arguments)}, but does not: {error}. Save them with others."
            ) from None
        heads = tuple(f"{part}." for part in classifier_names(model))
        body, head = _parted(model.state_dict(), heads)
        return cls(
            architecture=architecture,
            arguments=arguments,
            heads=heads,
            body=body,
            head=head,
            stated=model.pretrained_cfg,
        )

    def differing(self, state: State) -> dict[str, tuple[str, str]]:
        """The forms, asked and found, of entries that differ, the classifier's aside.

        First those that the network has, in its order, then those that it has not. Counts of
        batches may be missing, and of any type.
        """
        found, _ = _parted(state, self.heads)
        names = [*self.body, *(name for name in found if name not in self.body)]
        pairs = {name: (self.body.get(name, ABSENT), found.get(name, ABSENT)) for name in names}
        counters = {name for name in self.body if name.rpartition(".")[-1] == COUNTER}
        return {k: pair for k, pair in pairs.items() if pair[0] != pair[1] and k not in counters}

    def classes(self, state: State) -> int:
        """Outputs of the classifier among weights; 0: there is none of the network's own form."""
        _, head = _parted(state, self.heads)
        sizes = {len(value) for name, value in state.items() if name in head and value.ndim}
        for number in sorted(sizes):
            if (
                type(self).of(self.architecture, {**self.arguments, "num_classes": number}).head
                == head
            ):
                return number
        return 0

    def without_head(self, state: State) -> State:
        """The weights without the classifier's."""
        return {name: value for name, value in state.items() if not name.startswith(self.heads)}

    def check(self, state: State) -> None:
        """See that weights are this network's, and numbers.

        Raises:
            DataError: they are not; the first entries that differ are told side by side.
        """
        if differing := self.differing(state):
            raise DataError(
                f"the weights must fit {self.architecture}, but {_side_by_side(differing)}. "
                "Name the architecture they are for: base.architecture"
            )
        for name, value in state.items():
            _check_plain(name, value)
            if value.is_floating_point() and not value.isfinite().all():
                raise DataError(
                    f"weights must be finite numbers, but {name} holds others: the training that "
                    "made them diverged. Take another file."
                )


def check_answers(described: PretrainedDescription, state: State) -> None:
    """See that a network built of weights, as every fit builds it, answers with numbers.

    Raises:
        DataError: it does not, such as where a variance is negative or a weight overflows.
    """
    size = described.input_size[-1]
    image = torch.linspace(-1, 1, CHANNELS * size * size).reshape(1, CHANNELS, size, size)
    try:
        with torch.random.fork_rng(devices=[]), torch.inference_mode():
            answer = build_pretrained(described, state, 1, size).eval()(image)
        fault = "" if answer.isfinite().all() else "it answers an image with no number"
    except (UsageError, *REFUSALS) as error:
        fault = str(error)
    if fault:
        raise DataError(
            f"{described.architecture} must answer with these weights, but: {fault}. "
            "Take another file."
        )


def _parted(
    state: Mapping[str, torch.Tensor], heads: tuple[str, ...]
) -> tuple[dict[str, str], dict[str, str]]:
    """The forms of the entries that are not a classifier's, and of those that are."""
    forms = {name: _form(value) for name, value in state.items()}
    head = {name: form for name, form in forms.items() if name.startswith(heads)}
    return {name: form for name, form in forms.items() if name not in head}, head


def _form(value: torch.Tensor) -> str:
    """Shape, and the type where it is no floating-point one."""
    kind = "" if value.is_floating_point() else f" {value.dtype}".replace("torch.", "")
    return f"{tuple(value.shape)}{kind}"


def _side_by_side(differing: Mapping[str, tuple[str, str]]) -> str:
    rows = list(differing.items())
    ours = [row for row in rows if row[1][0] != ABSENT][:SHOWN]
    foreign = [row for row in rows if row[1][0] == ABSENT][:SHOWN]
    told = (
        f"{name if name.isprintable() else ascii(name)} (asked {asked}, found {found})"
        for name, (asked, found) in ours + foreign
    )
    return f"{len(rows)} of their names and shapes differ, the first: {', '.join(told)}"


def _check_plain(name: str, value: torch.Tensor) -> None:
    """See that a tensor is no more than the numbers that the file holds for it."""
    if (
        value.layout is torch.strided
        and not value.is_meta
        and (value.dtype in FORMATS or not value.dtype.is_floating_point)
        and not value.is_complex()
        and not value.is_quantized
        and value.numel() * value.element_size() <= value.untyped_storage().nbytes()
    ):
        return
    raise DataError(
        f"weights must be plain tensors of 16 bits or more, but {name} is a {value.layout} of "
        f"{value.dtype} on {value.device}. Have their owner save them so."
    )
