"""A linear model of what the pretrained network makes of images: kept where training ends below it.

It costs one pass over the images. With few images, or little time, it is hard to beat; a job that
trains something worse has lost what it had to begin with.
"""

from dataclasses import dataclass
from typing import Any

from torch import nn

from components.frame.errors import UsageError
from components.tasks.task import NOTHING, LossRequest, Task
from components.training.compute import Compute
from components.training.images import Images
from components.training.pretrained import Pretrained
from components.training.probe import Probe, fit_head
from components.training.validate import Validated, validate


@dataclass(frozen=True, kw_only=True)
class Fallback:
    """The pretrained network with a linear model as its head."""

    model: nn.Module
    probe: Probe
    reached: Validated
    """On the validation images."""

    def leads(self, trained: Validated) -> bool:
        """Whether it has the higher score; of equals what was trained is kept."""
        return self.reached.score > trained.score

    def sentence(self, trained: Validated, task: Task) -> str:
        """Both scores and what follows, for a person."""
        kept = "the linear model" if self.leads(trained) else "what was trained"
        return (
            f"A linear model of the pretrained features reaches a validation {task.score_name} of "
            f"{task.shown(self.reached.score)}, the trained network {task.shown(trained.score)}: "
            f"{kept} is kept."
        )

    def in_force(self, trained: Validated, task: Task) -> dict[str, Any]:
        """What is kept with the run."""
        return {
            "kept": self.leads(trained),
            f"validation_{task.score_name}": self.reached.score,
            "sentence": self.sentence(trained, task),
            **self.probe.in_force(),
        }


def linear_model(
    pretrained: Pretrained,
    images: Images,
    compute: Compute,
    *,
    seed: int,
    asked: LossRequest = NOTHING,
    probe: Probe | None = None,
) -> Fallback | None:
    """Fit it to the training images, unless `probe` is that; None where there can be none."""
    model = pretrained.network(seed)
    try:
        probe = probe or fit_head(model, images, compute, asked=asked)
    except UsageError:
        return None
    probe.put(model.to(compute.device))
    reached = validate(
        model,
        images.val.batches(compute.batch_size, workers=compute.workers),
        images.task,
        device=compute.device,
        precision=compute.precision,
        size=compute.batch_size,
    )
    return Fallback(model=model, probe=probe, reached=reached)
