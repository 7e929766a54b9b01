"""Training a few of the parameters behind the freeze depth: normalisation alone, or biases alone.

Norms alone: Frankle et al., ICLR 2021, arXiv:2003.00152. Biases alone: BitFit, Ben Zaken et al.,
ACL 2022, arXiv:2106.10199. The head trains in any case.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, Self

from torch import nn

from components.frame.errors import InertError
from components.model.groups import MATRIX, Group
from components.tasks.task import Task
from components.training.recipe import Setting
from components.training.techniques.technique import Technique


class Tuning(Technique):
    """Freezes the weights and leaves what scales and shifts, or only shifts, to be trained."""

    name: ClassVar[str] = "tuning"

    def __init__(self, kind: str) -> None:
        """`kind`: `norms` or `bitfit`."""
        self.kind = kind
        self.tensors = 0

    @classmethod
    def asked(cls, setting: Setting, task: Task) -> Self | None:
        """Where not all parameters are to be trained."""
        return None if setting.tuning == "full" else cls(setting.tuning)

    def trained(
        self, model: nn.Module, groups: Sequence[Group], names: frozenset[str]
    ) -> frozenset[str]:
        """The chosen ones and the head.

        Raises:
            InertError: there are none of them below the head.
        """
        chosen = names & KINDS[self.kind](model) - set(groups[-1].parameters)
        if not chosen:
            raise InertError(
                f"tuning `{self.kind}` was asked for, but no layer that trains below the head has "
                "such parameters. Set search.tuning=full, or a lower freeze depth."
            )
        self.tensors = len(chosen)
        return chosen | names.intersection(groups[-1].parameters)

    def in_force(self) -> dict[str, Any]:
        """Which parameters below the head, and how many tensors of them."""
        return {"kind": self.kind, "tensors": self.tensors}


def _norms(model: nn.Module) -> set[str]:
    """The own parameters of normalisation layers."""
    return {
        f"{path}.{name}"
        for path, module in model.named_modules()
        if "norm" in type(module).__name__.lower()
        for name, _ in module.named_parameters(recurse=False)
    }


def _biases(model: nn.Module) -> set[str]:
    """What shifts: `bias`, or `q_bias` where a layer has several."""
    return {
        name
        for name, parameter in model.named_parameters()
        if name.endswith("bias") and parameter.ndim < MATRIX
    }


KINDS = {"norms": _norms, "bitfit": _biases}
