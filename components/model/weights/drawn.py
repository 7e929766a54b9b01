"""Random weights, for comparison."""

import timm
import torch

from components.model.backbone import check_architecture
from components.model.weights.packaged import ARCHITECTURE
from components.model.weights.pretrained import AUTO, PretrainedWeights


def drawn(architecture: str, seed: int) -> PretrainedWeights:
    """An architecture's weights at random; `auto` is the one of the packaged weights."""
    name = ARCHITECTURE if architecture == AUTO else architecture
    check_architecture(name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        state = timm.create_model(name).state_dict()
    return PretrainedWeights(
        state=dict(state), architecture=name, source="random weights", licence="none needed"
    )
