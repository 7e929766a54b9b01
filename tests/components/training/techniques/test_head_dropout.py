"""Dropout before the classifier, whatever the architecture."""

import pytest
import torch

from components.frame.errors import InertError
from components.model.backbone import create
from components.training.techniques.head_dropout import HeadDropout

FAMILIES = (
    "resnet18",
    "mobilenetv2_035",
    "convnext_atto",
    "vit_tiny_patch16_224",
    "vgg11",
    "mixer_s32_224",
    "deit_tiny_distilled_patch16_224",
)


@pytest.mark.parametrize("architecture", FAMILIES)
def test_dropout_acts_in_training_only_and_is_taken_away(architecture):
    """The same network gives what it gave before, and while it is judged."""
    torch.manual_seed(0)
    size = 224 if "224" in architecture else 64
    model = create(architecture, 3, size, {})
    for layer in model.modules():
        if isinstance(layer, torch.nn.modules.batchnorm._NormBase):
            layer.track_running_stats = False
    images = torch.randn(4, 3, size, size)
    for name, parameter in model.named_parameters():
        if name.startswith(model.pretrained_cfg["classifier"]):
            torch.nn.init.normal_(parameter)
    with torch.no_grad():
        model.eval()
        judged = model(images)
        technique = HeadDropout(0.9)
        with technique.around_epoch(model, 1):
            assert torch.equal(model(images), judged)
            model.train()
            draws = [model(images) for _ in range(2)]
        draws = [one[0] if isinstance(one, tuple) else one for one in draws]
        assert not torch.equal(*draws)
        assert technique.in_force()["fraction"] == 0.9
        model.eval()
        assert torch.equal(model(images), judged)


def test_dropout_that_drops_nothing_is_an_internal_error():
    """A network that was never trained within the block."""
    model = create("resnet18", 3, 64, {}).eval()
    technique = HeadDropout(0.1)
    with technique.around_epoch(model, 1):
        model(torch.zeros(1, 3, 64, 64))
    with pytest.raises(InertError, match="nothing was dropped"):
        technique.in_force()
