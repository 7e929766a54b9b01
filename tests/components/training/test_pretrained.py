"""Where a fit starts: the head that the setting asks for, drawn from the seed alone."""

import pytest
import torch

from components.model.backbone import create
from components.training.pretrained import Renewable
from components.training.recipe import Setting


def setting(**head):
    return Setting(freeze_depth=0, learning_rate=1.0, **head)


@pytest.mark.parametrize("layers", ["none", "8:0.1"])
@pytest.mark.parametrize("init", ["small", "timm", "zero"])
def test_a_renewed_network_is_a_new_one(pretrained, layers, init):
    """Whatever head it had before."""
    asked = setting(head_layers=layers, head_init=init)
    renewable = Renewable(pretrained, torch.device("cpu"))
    renewable.renew(1, setting(head_layers="16"))
    renewed = {k: v.clone() for k, v in renewable.renew(3, asked).state_dict().items()}
    fresh = pretrained.network(3, asked).state_dict()
    assert list(renewed) == list(fresh)
    assert all(torch.equal(renewed[name], fresh[name]) for name in fresh)


def test_timms_classifier_is_the_one_it_builds(pretrained):
    with torch.random.fork_rng():
        torch.manual_seed(5)
        bare = create("test_efficientnet", 2, 32, {"drop_rate": 0.2})
    model = pretrained.network(5, setting(head_init="timm"))
    assert torch.equal(model.classifier.weight, bare.classifier.weight)
    assert not torch.equal(model.conv_stem.weight, bare.conv_stem.weight)


def test_a_zero_classifier_finds_all_classes_as_likely(pretrained):
    model = pretrained.network(5, setting(head_init="zero")).eval()
    assert not model(torch.randn(1, 3, 32, 32)).any()
