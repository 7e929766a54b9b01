"""Where images run through a network, and in what portions."""

from dataclasses import dataclass

import torch

from components.model.device import Precision


@dataclass(frozen=True, kw_only=True)
class Compute:
    """What a pass over images needs beside the images and the network."""

    batch_size: int
    """Images at once."""
    device: torch.device
    precision: Precision = "off"
    workers: int = 0
    """Processes that prepare images; 0: this one does."""
