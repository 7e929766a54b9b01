"""What is asked of one fit, and which part of it a search varies."""

import hashlib
from dataclasses import asdict, dataclass

from components.frame import files
from components.model.device import Precision


@dataclass(frozen=True)
class Setting:
    """What a search varies."""

    freeze_depth: int
    learning_rate: float
    layer_decay: float = 1.0
    """Factor on the rate for every group below the head; 1.0 where the head alone is trained."""
    weight_decay: float = 0.05
    head_dropout: float = 0.0
    magnitude: int = 1
    """Of the augmentation."""
    mixup: float = 0.0
    """Both parameters of the beta distribution that blends pairs of images; 0.0: none are."""


@dataclass(frozen=True)
class Recipe:
    """What is asked of a fit; two fits with equal recipes and data give equal bits on a CPU."""

    freeze_depth: int
    """Index of the first trained group."""
    learning_rate: float
    """Of AdamW at its highest."""
    weight_decay: float
    label_smoothing: float
    """Fraction of the target that is spread over all classes, 0 to 1."""
    epochs: int
    patience: int
    """Epochs without a better validation accuracy after which a fit ends; `epochs`: never."""
    seed: int
    precision: Precision = "auto"
    layer_decay: float = 1.0
    """Factor on the rate for every group below the head."""
    head_dropout: float = 0.0
    """Fraction of what the classifier reads that is dropped."""

    def digest(self) -> str:
        """SHA-256 of all that is asked."""
        return hashlib.sha256(files.canonical(asdict(self))).hexdigest()
