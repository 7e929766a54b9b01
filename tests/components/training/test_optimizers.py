"""The optimizer: what torch's plain one does, in one pass."""

import json

import pytest
import torch
from timm.optim import param_groups_weight_decay
from torch import nn

from components.frame.errors import UsageError
from components.model.backbone import create
from components.model.groups import Group, groups
from components.training.checkpoint import moments, numbers, restore_moments
from components.training.optimizers import make_optimizer, optimizers, require_optimizers
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


def made(model, parts=None, **changes):
    asked = {"weight_decay": DECAY, "layer_decay": 0.5, **changes}
    setting = Setting(freeze_depth=0, learning_rate=RATE, **asked)
    recipe = Recipe(setting=setting, epochs=1, patience=1, seed=0)
    return make_optimizer(model, parts or groups(model), recipe)


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


def test_what_l2_sp_holds_does_not_decay_to_zero():
    """The head alone does (Li et al. 2018)."""
    model = network()
    decayed = [
        name
        for entry in made(model, l2_sp=0.01).param_groups
        for name in entry["names"]
        if entry["weight_decay"]
    ]
    assert decayed == ["classifier.weight"]


def test_the_backbone_has_a_factor_of_its_own():
    """Beside the decay, and not for the head."""
    parts = groups(network())
    scales = {
        name: entry["scale"]
        for entry in made(network(), backbone_rate=0.1, layer_decay=0.5).param_groups
        for name in entry["names"]
    }
    found = [scales[part.parameters[0]] for part in reversed(parts)]
    assert found == pytest.approx([1.0, *(0.1 * 0.5**above for above in range(1, len(parts)))])


def test_sgd_is_torchs_with_nesterovs_momentum():
    """As timm has it, with the momentum that is asked for."""
    mine, plain = network(), network()
    reference = torch.optim.SGD(plain_entries(plain), momentum=0.7, nesterov=True)
    steps(mine, made(mine, optimizer="sgd", momentum=0.7), range(STEPS))
    steps(plain, reference, range(STEPS))
    for (name, one), other in zip(mine.named_parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(one, other, msg=name)


def test_it_is_adamw_as_torch_writes_it_out():
    """Against the plain loop, parameter by parameter, for weights of any layout in memory."""
    mine, plain = network(), network()
    reference = torch.optim.AdamW(plain_entries(plain), fused=False, foreach=False)
    steps(mine, made(mine), range(STEPS))
    steps(plain, reference, range(STEPS))
    for (name, one), other in zip(mine.named_parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(one, other, msg=name, rtol=1e-5, atol=1e-6)


def resumed(build, make, *, contiguous):
    """Parameters after all steps, and after two of them, a kill and the rest."""
    one, other = build(), build()
    steps(one, make(one), range(STEPS))
    first = make(other)
    steps(other, first, range(2))
    kept = {
        name: value.contiguous() if contiguous else value.clone()
        for name, value in moments(first).items()
    }
    plain = json.loads(json.dumps(numbers(first)))
    second = make(other)
    restore_moments(second, kept, plain)
    steps(other, second, range(2, STEPS))
    return one.state_dict(), other.state_dict()


@pytest.mark.parametrize("contiguous", [False, True])
def test_moments_that_are_put_back_go_on_to_the_bit(contiguous):
    """However a file laid them out in memory."""
    whole, found = resumed(network, made, contiguous=contiguous)
    for name, value in whole.items():
        assert torch.equal(value, found[name]), name


def small():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(16, 3))


PARTS = (Group("0", ("0.weight", "0.bias")), Group("2", ("2.weight", "2.bias")))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", optimizers())
def test_every_optimizer_of_timm_goes_on_to_the_bit(name):
    """Whatever it keeps, for a parameter or for a group, as tensors or as numbers."""
    whole, found = resumed(small, lambda m: made(m, PARTS, optimizer=name), contiguous=True)
    start = small().state_dict()
    for key, value in whole.items():
        assert torch.equal(value, found[key]), key
        assert not torch.equal(value, start[key]), key


@pytest.mark.parametrize(
    ("names", "momenta", "said"),
    [
        (["adamv"], [0.9], "'adamv' is none. Near are: .*adamw"),
        (["sgd", "bnbadam"], [0.9], "'bnbadam' is none"),
        (["kron"], [0.9], "'kron' is none"),
        (["adahessian"], [0.9], "'adahessian' is none"),
        (["adamw", "lion"], [0.8], "0.8. has none beside search.optimizer=adamw, lion"),
    ],
)
def test_an_optimizer_that_is_not_there_is_refused(names, momenta, said):
    """Of another library, with lists for a state, of second order; and a momentum of none."""
    with pytest.raises(UsageError, match=said):
        require_optimizers(names, momenta)


def test_optimizers_and_momenta_that_are_there_are_taken():
    taken = ["adamw", "sgd", "lamb", "lion"]
    require_optimizers(taken, [0.9, 0.95])
    require_optimizers(["adamw"], [0.9])
    assert {*taken} <= {*optimizers()}
