"""What kind a network is of, by its modules and by its name."""

import pytest
import timm
import torch

from components.model.families import family_of_name
from components.model.family import family

KINDS = {
    "efficientnet_lite0": "batch_norm",
    "mobilenetv2_100": "batch_norm",
    "seresnet18": "batch_norm",
    "convnext_atto": "layer_norm",
    "resnetv2_50x1_bit": "layer_norm",
    "vit_tiny_patch16_224": "transformer",
    "swin_tiny_patch4_window7_224": "transformer",
    "xcit_nano_12_p16_224": "transformer",
    "vit_base_patch16_clip_224": "contrastive",
}


@pytest.mark.parametrize(("name", "kind"), KINDS.items())
def test_modules_tell_the_kind(name, kind):
    """Modules that weigh channels do not attend."""
    with torch.device("meta"):
        assert family(timm.create_model(name), name) == kind


def test_a_network_that_normalises_nothing_is_of_the_first_kind():
    assert family(torch.nn.Linear(2, 2), "plain") == "batch_norm"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *((name, kind) for name, kind in KINDS.items() if not name.startswith("xcit")),
        ("CLIP ViT-B/16", "contrastive"),
        ("resnet50_clip", "batch_norm"),
        ("dino_resnet50", "batch_norm"),
        ("DINOv2-L", "transformer"),
        ("unheard of", "batch_norm"),
    ],
)
def test_a_name_tells_the_kind(name, kind):
    assert family_of_name(name) == kind
