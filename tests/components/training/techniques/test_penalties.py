"""What is added to the loss for the weights themselves, and the norm of gradients."""

import pytest
import torch

from components.frame.errors import InertError
from components.model.freezing import train_only
from components.model.groups import behind, groups
from components.training.recipe import Setting
from components.training.techniques.clip_norm import ClipNorm
from components.training.techniques.l1 import L1
from components.training.techniques.l2_sp import L2SP


def started(technique, pretrained, freeze_depth):
    """A technique on the small network, and that with its groups."""
    model = pretrained.network(0)
    parts = groups(model)
    train_only(model, behind(parts, freeze_depth))
    technique.begin(model, parts)
    return model, parts


def test_l1_is_the_sum_of_the_trained_weights_sizes(pretrained):
    """No bias, no norm, nothing that is frozen; its gradient is the weight's sign."""
    technique = L1(0.1)
    model, parts = started(technique, pretrained, 2)
    technique.penalty(model, None, None).backward()
    named = dict(model.named_parameters())
    weights = {name for name in behind(parts, 2) if named[name].ndim > 1}
    assert {name for name, one in named.items() if one.grad is not None} == weights
    for name in weights:
        torch.testing.assert_close(named[name].grad, 0.1 * named[name].detach().sign())
    assert technique.in_force()["weights"] == sum(named[name].numel() for name in weights)


def test_l1_makes_weights_smaller(trained):
    """The whole fit long."""

    def size(model):
        return sum(float(p.detach().abs().sum()) for p in model.parameters() if p.ndim > 1)

    held, done = trained(l1=1e-2)
    assert size(held) < 0.9 * size(trained()[0])
    assert done.techniques["l1"]["factor"] == 1e-2


def test_l2_sp_is_half_the_squared_distance_to_the_start_below_the_head(pretrained):
    """Its gradient is the distance; the head is left alone, and so is what is frozen."""
    technique = L2SP(0.2)
    model, parts = started(technique, pretrained, 2)
    assert float(technique.penalty(model, None, None).detach()) == 0.0
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.5)
    technique.penalty(model, None, None).backward()
    held = behind(parts, 2) - behind(parts, len(parts) - 1)
    for name, parameter in model.named_parameters():
        assert (parameter.grad is not None) is (name in held), name
        if parameter.grad is not None:
            torch.testing.assert_close(parameter.grad, torch.full_like(parameter, 0.2 * 0.5))


def test_l2_sp_holds_the_network_near_its_start(trained, pretrained):
    """The whole fit long."""
    start = pretrained.network(0).state_dict()

    def moved(model):
        return sum(
            float((p.detach() - start[name]).square().sum())
            for name, p in model.named_parameters()
            if not name.startswith("classifier")
        )

    held, done = trained(l2_sp=10.0)
    assert moved(held) < 0.5 * moved(trained()[0])
    assert done.techniques["l2_sp"]["factor"] == 10.0


def test_l2_sp_of_the_head_alone_is_an_error(trained, pretrained):
    """There is nothing that was pretrained and trains."""
    with pytest.raises(InertError, match="nothing below the head is trained"):
        trained(l2_sp=0.1, freeze_depth=len(pretrained.groups) - 1)


def test_gradients_are_scaled_down_as_torch_does_it(pretrained):
    """All together, and only where they are too long."""
    technique, model = ClipNorm(1.0), pretrained.network(0)
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    technique.gradients(model)
    norm = torch.cat([p.grad.flatten() for p in model.parameters()]).norm()
    assert float(norm) == pytest.approx(1.0, rel=1e-4)
    kept = [p.grad.clone().mul_(0.5) for p in model.parameters()]
    for parameter, gradient in zip(model.parameters(), kept, strict=True):
        parameter.grad = gradient.clone()
    technique.gradients(model)
    assert all(torch.equal(p.grad, g) for p, g in zip(model.parameters(), kept, strict=True))
    assert technique.in_force() == {"most": 1.0, "steps": 2, "clipped": 1}
    other = ClipNorm(1.0)
    other.restore(technique.state())
    assert other.in_force() == technique.in_force()


def test_a_fit_clips_each_of_its_steps(trained):
    """With plain SGD no step is longer than rate times norm."""
    _, done = trained(clip_norm=1e-3, optimizer="sgd", epochs=2)
    assert done.techniques["clip_norm"] == {"most": 1e-3, "steps": 10, "clipped": 10}


@pytest.mark.parametrize("technique", [L1, L2SP, ClipNorm])
def test_each_is_taken_only_where_it_is_asked_for(technique, images):
    setting = {"freeze_depth": 0, "learning_rate": 1.0}
    assert technique.asked(Setting(**setting), images.task) is None
    assert technique.asked(Setting(**setting, **{technique.name: 0.5}), images.task) is not None
