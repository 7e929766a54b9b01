"""The optimizer: what torch's plain one does, in one pass."""

import pytest
import torch
from timm.optim import param_groups_weight_decay

from components.model.backbone import create
from components.model.groups import groups
from components.training.checkpoint import moments, restore_moments
from components.training.optimizers import make_optimizer
from components.training.recipe import Recipe, Setting

STEPS, RATE, DECAY = 4, 1e-2, 0.1


def network():
    torch.manual_seed(0)
    model = create("test_efficientnet", 2, 32, {})
    return model.to(memory_format=torch.channels_last)


def steps(model, optimizer, numbers):
    """Some steps on made-up gradients, each step's from its own number."""
    for number in numbers:
        generator = torch.Generator().manual_seed(number)
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.grad = torch.empty_like(parameter).copy_(noise)
        optimizer.step()


def made(model):
    setting = Setting(freeze_depth=0, learning_rate=RATE, weight_decay=DECAY, layer_decay=0.5)
    asked = Recipe(setting=setting, epochs=1, patience=1, seed=0)
    return make_optimizer(model, groups(model), asked)


def decaying(model):
    """The parameters that decay, as timm sorts them: no bias, nothing of a normalisation."""
    rest, decayed = param_groups_weight_decay(model, DECAY)
    assert (rest["weight_decay"], decayed["weight_decay"]) == (0.0, DECAY)
    return {id(parameter) for parameter in decayed["params"]}


def plain_entries(model):
    """Each parameter with its own decay, and half the rate for each group below the head."""
    decayed = decaying(model)
    for above, group in enumerate(reversed(groups(model))):
        for parameter in map(model.get_parameter, group.parameters):
            decay = DECAY if id(parameter) in decayed else 0.0
            yield {"params": [parameter], "lr": RATE * 0.5**above, "weight_decay": decay}


@pytest.mark.parametrize("architecture", ["test_efficientnet", "test_vit", "test_convnext"])
def test_neither_biases_nor_normalisation_decay(architecture):
    """For every network what timm's own division says, and all of it."""
    model = create(architecture, 2, 160, {})
    found = {
        id(parameter)
        for entry in made(model).param_groups
        for parameter in entry["params"]
        if entry["weight_decay"]
    }
    assert found == decaying(model)


def test_it_is_adamw_as_torch_writes_it_out():
    """Against the plain loop, parameter by parameter, for weights of any layout in memory."""
    mine, plain = network(), network()
    reference = torch.optim.AdamW(plain_entries(plain), fused=False, foreach=False)
    steps(mine, made(mine), range(STEPS))
    steps(plain, reference, range(STEPS))
    for (name, one), other in zip(mine.named_parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(one, other, msg=name, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("contiguous", [False, True])
def test_moments_that_are_put_back_go_on_to_the_bit(contiguous):
    """However a file laid them out in memory."""
    one, other = network(), network()
    whole, first = made(one), made(other)
    steps(one, whole, range(STEPS))
    steps(other, first, range(2))
    kept = {
        name: value.contiguous() if contiguous else value.clone()
        for name, value in moments(first).items()
    }
    second = made(other)
    restore_moments(second, kept)
    steps(other, second, range(2, STEPS))
    for name, value in one.state_dict().items():
        assert torch.equal(value, other.state_dict()[name]), name
