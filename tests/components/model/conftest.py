"""Small networks of many families, built without weights."""

from collections.abc import Callable
from typing import Any

import pytest
import timm
import torch
from torch import nn

ARCHITECTURES: dict[str, tuple[int, dict[str, Any]]] = {
    "resnet18": (32, {}),
    "resnetv2_50": (32, {"layers": (1, 1, 1, 1), "channels": (32, 64, 96, 128)}),
    "resnext50_32x4d": (32, {"layers": (1, 1, 1, 1)}),
    "res2net50_14w_8s": (32, {"layers": (1, 1, 1, 1)}),
    "skresnet18": (32, {}),
    "legacy_seresnet18": (64, {}),
    "convnext_atto": (32, {}),
    "convnextv2_atto": (32, {}),
    "efficientnet_lite0": (32, {}),
    "tf_efficientnetv2_b0": (32, {}),
    "mobilenetv2_035": (32, {}),
    "mobilenetv3_small_050": (32, {}),
    "mobilenetv4_conv_small_035": (32, {}),
    "mnasnet_small": (32, {}),
    "ghostnet_050": (32, {}),
    "lcnet_035": (32, {}),
    "rexnet_100": (32, {}),
    "regnetx_002": (32, {}),
    "regnety_002": (32, {}),
    "vgg11": (32, {"mlp_ratio": 0.01}),
    "vgg11_bn": (32, {"mlp_ratio": 0.01}),
    "densenet121": (32, {"block_config": (2, 2, 2, 2)}),
    "dla34": (32, {}),
    "dpn48b": (32, {}),
    "repvgg_a0": (32, {}),
    "mobileone_s0": (32, {}),
    "fastvit_t8": (64, {}),
    "cspresnet50": (32, {}),
    "hgnetv2_b0": (32, {}),
    "xception41": (32, {}),
    "vit_tiny_patch16_224": (32, {"img_size": 32, "depth": 4}),
    "deit_tiny_patch16_224": (32, {"img_size": 32, "depth": 4}),
    "beit_base_patch16_224": (32, {"img_size": 32, "depth": 3, "embed_dim": 48, "num_heads": 3}),
    "eva02_tiny_patch14_224": (28, {"img_size": 28, "depth": 3}),
    "swin_tiny_patch4_window7_224": (
        56,
        {"img_size": 56, "depths": (1, 1, 2, 1), "embed_dim": 24, "num_heads": (1, 2, 3, 4)},
    ),
    "maxvit_rmlp_pico_rw_256": (64, {"img_size": 64}),
    "mixer_s32_224": (32, {"img_size": 32}),
    "resmlp_12_224": (32, {"img_size": 32}),
    "edgenext_xx_small": (64, {}),
    "mobilevit_xxs": (64, {}),
    "pit_ti_224": (64, {"img_size": 64}),
    "xcit_nano_12_p16_224": (32, {"img_size": 32, "depth": 3}),
    "pvt_v2_b0": (32, {}),
    "twins_svt_small": (32, {"img_size": 32, "depths": (1, 1, 2, 1)}),
    "poolformer_s12": (32, {}),
    "mambaout_femto": (32, {"depths": (1, 1, 1, 1)}),
    "coat_lite_tiny": (64, {"img_size": 64}),
    # several streams, or values that pass by some layers:
    "cait_xxs24_224": (32, {"img_size": 32, "depth": 3}),
    "deit_tiny_distilled_patch16_224": (32, {"img_size": 32, "depth": 3}),
    "levit_128s": (64, {"img_size": 64}),
    "hrnet_w18_small": (64, {}),
}
"""Image size and arguments that keep each one small."""
COUSINS = {
    "resnext50_32x4d",
    "res2net50_14w_8s",
    "skresnet18",
    "convnextv2_atto",
    "tf_efficientnetv2_b0",
    "mnasnet_small",
    "lcnet_035",
    "regnetx_002",
    "vgg11",
    "dpn48b",
    "mobileone_s0",
    "fastvit_t8",
    "cspresnet50",
    "hgnetv2_b0",
    "xception41",
    "deit_tiny_patch16_224",
    "pit_ti_224",
    "twins_svt_small",
    "legacy_seresnet18",
    "repvgg_a0",
}
"""Of families that are there already: tried by `make test-slow`."""

Build = Callable[..., tuple[nn.Module, torch.Tensor]]


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(
    params=[
        pytest.param(name, marks=[pytest.mark.slow] if name in COUSINS else [])
        for name in ARCHITECTURES
    ]
)
def architecture(request):
    return request.param


@pytest.fixture
def build() -> Build:
    """Make a named network with 5 classes and two images that fit it, always the same."""

    def made(name: str, **more: Any) -> tuple[nn.Module, torch.Tensor]:
        size, arguments = ARCHITECTURES[name]
        torch.manual_seed(0)
        model = timm.create_model(name, num_classes=5, **arguments, **more)
        return model, torch.randn(2, 3, size, size)

    return made
