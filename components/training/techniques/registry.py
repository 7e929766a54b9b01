"""The techniques there are; a new one is a file beside this and a line here."""

from components.tasks.task import Task
from components.training.recipe import Setting
from components.training.techniques.batch_norm import FrozenBatchNorm
from components.training.techniques.clip_norm import ClipNorm
from components.training.techniques.cutmix import CutMix
from components.training.techniques.distillation import Distillation
from components.training.techniques.ema import Ema
from components.training.techniques.erasing import Erasing
from components.training.techniques.freeze_depth import FreezeDepth
from components.training.techniques.gradient_checkpointing import GradientCheckpointing
from components.training.techniques.head_dropout import HeadDropout
from components.training.techniques.l1 import L1
from components.training.techniques.l2_sp import L2SP
from components.training.techniques.lora import Lora
from components.training.techniques.mixup import Mixup
from components.training.techniques.phases import Phases
from components.training.techniques.stochastic_depth import StochasticDepth
from components.training.techniques.surgical import Surgical
from components.training.techniques.technique import Technique
from components.training.techniques.tuning import Tuning

TECHNIQUES: list[type[Technique]] = [
    Ema,
    FreezeDepth,
    Surgical,
    Tuning,
    Lora,
    Phases,
    FrozenBatchNorm,
    HeadDropout,
    StochasticDepth,
    Erasing,
    Mixup,
    CutMix,
    L1,
    L2SP,
    Distillation,
    ClipNorm,
    GradientCheckpointing,
]
"""In the order in which they are applied; what is around a step or an epoch ends in the reverse."""


def requested(setting: Setting, task: Task) -> tuple[Technique, ...]:
    """The techniques that a setting asks for."""
    techniques = (technique.asked(setting, task) for technique in TECHNIQUES)
    return tuple(technique for technique in techniques if technique is not None)


def why_images(setting: Setting, task: Task) -> str:
    """Why a fit of this setting has to read images; empty: kept activations will do."""
    reasons = (technique.needs_images for technique in requested(setting, task))
    return next((reason for reason in reasons if reason), "")
