"""The techniques there are; a new one is a file beside this and a line here."""

from components.tasks.task import Task
from components.training.recipe import Setting
from components.training.techniques.freeze_depth import FreezeDepth
from components.training.techniques.head_dropout import HeadDropout
from components.training.techniques.lora import Lora
from components.training.techniques.mixup import Mixup
from components.training.techniques.phases import Phases
from components.training.techniques.surgical import Surgical
from components.training.techniques.technique import Technique
from components.training.techniques.tuning import Tuning

TECHNIQUES: list[type[Technique]] = [
    FreezeDepth,
    Surgical,
    Tuning,
    Lora,
    Phases,
    HeadDropout,
    Mixup,
]
"""In the order in which they are applied."""


def requested(setting: Setting, task: Task) -> tuple[Technique, ...]:
    """The techniques that a setting asks for."""
    techniques = (technique.asked(setting, task) for technique in TECHNIQUES)
    return tuple(technique for technique in techniques if technique is not None)


def why_images(setting: Setting, task: Task) -> str:
    """Why a fit of this setting has to read images; empty: kept activations will do."""
    reasons = (technique.needs_images for technique in requested(setting, task))
    return next((reason for reason in reasons if reason), "")
