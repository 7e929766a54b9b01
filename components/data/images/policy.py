"""`augmentation.json`: how images become a network's input, when judged and in training."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components.frame.documents import Document


@dataclass(frozen=True, kw_only=True)
class AugmentationDescription(Document):
    """What `augment` hands on."""

    task: str
    """The name of what is learned: augmentation has to move its targets too."""
    evaluation: Mapping[str, Any]
    """As `Transform.to_dict` gives it."""
    training: Mapping[str, Any]
    """The augmentation by magnitude, as `augmentation.family` gives it."""
    mirrored: bool
    """Whether training sees mirror images."""
    mirroring: str
    """Why or why not, where that was found out; empty: it was asked for."""
