"""Activations that are computed anew change no bit of what is learned."""

import pytest
import torch

from components.frame.errors import InertError, UsageError
from components.model.backbone import create
from components.model.groups import groups
from components.tasks.classification import Classification
from components.training.recipe import Setting
from components.training.techniques.gradient_checkpointing import GradientCheckpointing
from components.training.techniques.registry import why_images

TASK = Classification(("a", "b"))
ON = Setting(freeze_depth=0, learning_rate=1.0, gradient_checkpointing=True)


@pytest.mark.parametrize("setting", [{}, {"freeze_depth": 2}, {"accumulation": 2}])
def test_a_fit_ends_with_the_same_bits(trained, setting):
    """Weights and running statistics, with dropout, some groups frozen, in parts."""
    plain, _ = trained(epochs=2, **setting)
    again, done = trained(epochs=2, gradient_checkpointing=True, **setting)
    for name, value in plain.state_dict().items():
        if not name.endswith("num_batches_tracked"):
            assert torch.equal(value, again.state_dict()[name]), name
    assert done.techniques["gradient_checkpointing"]["modules"] > 0


@pytest.mark.parametrize("architecture", ["test_vit", "test_convnext", "test_resnet"])
def test_gradients_are_equal_in_networks_of_each_kind(architecture):
    """To the bit, and layers ran a second time."""
    torch.manual_seed(0)
    model = create(architecture, 2, 160, {}).train()
    images, kept = torch.randn(2, 3, 160, 160), []
    technique = GradientCheckpointing()
    for on in (False, True):
        if on:
            technique.begin(model, groups(model))
        model.zero_grad()
        with technique.around_epoch(model, 1):
            outputs = model(images)
            technique.penalty(model, None, outputs)
            outputs.square().sum().backward()
        kept.append([p.grad.clone() for p in model.parameters()])
        assert bool(technique.again) is on
    assert all(map(torch.equal, *kept))


def test_momenta_and_the_network_are_as_they_were(trained, pretrained):
    """Afterwards nothing is left of it."""
    model, _ = trained(gradient_checkpointing=True)
    plain = pretrained.network(0)
    for (name, one), other in zip(model.named_modules(), plain.modules(), strict=True):
        assert getattr(one, "momentum", None) == getattr(other, "momentum", None), name
        assert not one._forward_pre_hooks, name
    assert not model.grad_checkpointing


@pytest.mark.parametrize("network", [torch.nn.Linear(2, 2), None])
def test_a_network_without_it_is_refused(network):
    """One of timm's that cannot, and one of another make."""
    model = network or create("crossvit_tiny_240", 2, 240, {})
    with pytest.raises(UsageError, match=r"gradient_checkpointing must be off for .* timm"):
        GradientCheckpointing().begin(model, ())


def test_one_under_which_nothing_ran_twice_is_an_error():
    with pytest.raises(InertError, match="no layer ran a second time"):
        GradientCheckpointing().in_force()


def test_it_needs_images():
    """A cached pass does not run the network's own order."""
    assert why_images(ON, TASK) == GradientCheckpointing.needs_images
