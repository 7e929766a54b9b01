"""What is asked of a fit: the setting that a search varies, and the recipe around it."""

import hashlib
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar

from components.frame import files
from components.frame.documents import Document
from components.model.device import Precision


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What a search varies.

    A field here and its range in `SearchParams` declare a hyperparameter; the rest of the search
    follows, and what trains reads it from here.
    """

    freeze_depth: int
    """How many groups of layers, from the stem, are frozen: 0 freezes none."""
    learning_rate: float
    """Of the optimizer at its highest, for the head."""
    layer_decay: float = 1.0
    """Factor on the rate for every group below the head; 1.0 where the head alone is trained."""
    weight_decay: float = 0.05
    head_dropout: float = 0.0
    """Fraction of what the classifier reads that is dropped, 0 to 1."""
    magnitude: int = 1
    """Of the augmentation, 0 none to 3 strong."""
    mixup: float = 0.0
    """Both parameters of the beta distribution that blends pairs of images; 0.0: none are."""
    label_smoothing: float = 0.1
    """Fraction of the target that is spread over all classes, 0 to 1."""
    tuning: str = "full"
    """What trains of the layers below the head: `full`, `norms` or `bitfit`."""
    surgical: str = "none"
    """The third of these layers that trains alone: `first`, `middle` or `last`; or `none`."""
    lora_rank: int = 0
    """Of adapters that train in place of these layers; 0: there are none."""
    lora_alpha: float = 16.0
    """Adapters count this over their rank times."""
    lora_layers: str = "all"
    """Those that get adapters: `all`, `attention` or `mlp`."""
    phases: str = "none"
    """In which these layers come to train: `none`, `lp_ft` or `progressive`."""
    head_layers: str = "none"
    """Hidden ones below the classifier, as `hidden_layers` reads them."""
    head_init: str = "small"
    """What the classifier is drawn from: `small`, `timm` or `zero`."""
    head_start: str = "drawn"
    """What the head is at the start: `drawn`, or `probe`, a linear model of the features."""


CHOICES = tuple(field.name for field in fields(Setting))[2:]
"""What there is to choose besides freeze depth and rate."""
HEAD_ALONE: dict[str, Any] = {
    "layer_decay": 1.0,
    "tuning": "full",
    "surgical": "none",
    "lora_rank": 0,
    "phases": "none",
}
"""What is about the layers below the head, as it stands where none of them trains."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """All that is asked of a fit.

    With equal recipes and data two fits end with equal bits, on a CPU.
    """

    setting: Setting
    epochs: int
    """At most; the schedule of the rate is as long."""
    patience: int
    """Epochs without a better validation score after which a fit ends; `epochs`: never."""
    seed: int
    precision: Precision = "auto"
    schedule: str = "cosine"
    """A name in `schedules.SCHEDULES`."""
    optimizer: str = "adamw"
    """A name in `optimizers.OPTIMIZERS`."""

    @property
    def digest(self) -> str:
        """SHA-256 of all that is asked."""
        return hashlib.sha256(files.canonical(asdict(self))).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Best(Document):
    """`build/search/best.yaml`: what the search chose, for `train`."""

    comment: ClassVar[str] = "The setting that `train` uses."

    layer: str
    """The first that is trained."""
    batch_size: int
    setting: Setting
