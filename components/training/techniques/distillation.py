"""Distillation: the network that training starts from teaches (Hinton et al., 2015).

Beside a fine-tuning that goes on it holds on to what was learned: learning without forgetting (Li
and Hoiem, ECCV 2016).
"""

from collections.abc import Sequence
from copy import deepcopy
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from components.data.batch import Batch
from components.frame.errors import InertError, UsageError
from components.model.groups import Group
from components.model.head import known_outputs
from components.tasks.task import Task
from components.training.recipe import Setting
from components.training.techniques.technique import Technique
from components.training.validate import whole


class Distillation(Technique):
    """Adds w T^2 KL(teacher || student) to the loss, over the outputs that the teacher knows.

    Both sides are softened by the temperature T; the factor T^2 keeps the size of the gradients.
    The teacher is the network as it starts, with what its classifier knows, and sees the images
    that the student sees.
    """

    name: ClassVar[str] = "distillation"
    needs_images: ClassVar[str] = "the teacher looks at images"

    def __init__(self, weight: float, temperature: float) -> None:
        """`weight`: beside the loss, above 0; `temperature`: above 0."""
        self.weight, self.temperature = weight, temperature
        self._batches = 0

    @classmethod
    def asked(cls, setting: Setting, task: Task) -> Self | None:
        """Where the weight is above zero."""
        if not setting.distillation:
            return None
        return cls(setting.distillation, setting.distillation_temperature)

    def begin(self, model: nn.Module, groups: Sequence[Group]) -> None:
        """Keep the network as it is for a teacher.

        Raises:
            UsageError: its classifier knows fewer than two of the outputs.
        """
        self._known = torch.tensor(known_outputs(model), dtype=torch.long)
        if len(self._known) <= 1:
            raise UsageError(
                f"search.distillation must be 0.0 until training starts from a champion that knows "
                f"two of the classes or more, but is {self.weight:g}. Take it back until then: "
                "thawline params --reset search.distillation"
            )
        self._teacher = whole(deepcopy(model).eval().requires_grad_(requires_grad=False))

    def penalty(self, model: nn.Module, batch: Batch, outputs: Tensor) -> Tensor:
        """How far the student's answers to a part of a batch are from the teacher's."""
        with torch.no_grad():
            taught = self._teacher(batch.inputs).float()
        self._batches += 1
        known = self._known.to(outputs.device)
        teacher, student = (
            functional.log_softmax(one[:, known] / self.temperature, dim=1)
            for one in (taught, outputs)
        )
        loss = functional.kl_div(student, teacher, reduction="batchmean", log_target=True)
        return self.weight * self.temperature**2 * loss

    def in_force(self) -> dict[str, Any]:
        """The weight, the temperature, and how many outputs the teacher knows.

        Raises:
            InertError: it was not asked.
        """
        if not self._batches:
            raise InertError(
                f"a distillation of {self.weight:g} was asked for, but the teacher was not"
            )
        told = {"weight": self.weight, "temperature": self.temperature}
        return {**told, "outputs": len(self._known)}
