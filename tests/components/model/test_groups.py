"""Freeze depth: groups of parameters for any timm model, and freezing that stays."""

import copy

import pytest
import torch
from torch import nn

from components.frame.errors import InertError, UsageError
from components.model import freezing
from components.model import groups as depth
from components.model.audit import audit


def logits(output):
    return output if isinstance(output, torch.Tensor) else output[0]


def train_one_step(model, images):
    """One step of SGD with decay over the trained parameters, in training mode."""
    model.train()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=0.1, momentum=0.9, weight_decay=0.1)
    (logits(model(images)) - 1).square().sum().backward()
    optimizer.step()
    return optimizer


def owners(groups):
    return {name: index for index, group in enumerate(groups) for name in group.parameters}


def first_uses(model, groups, images):
    """The groups in the order in which a forward pass first reaches a module of theirs."""
    owner = owners(groups)
    seen: list[int] = []

    def note(path):
        def hook(_module, _arguments):
            seen.append(owner[path])

        return hook

    for name in owner:
        module = model.get_submodule(name.rpartition(".")[0])
        if module is not model:
            module.register_forward_pre_hook(note(name))
    model.eval()(images)
    return list(dict.fromkeys(seen))


def test_every_parameter_is_in_exactly_one_named_group(architecture, build):
    """No parameter is forgotten or doubled, and no two groups bear one name."""
    model, _ = build(architecture)
    groups = depth.groups(model)
    held = [name for group in groups for name in group.parameters]
    assert sorted(held) == sorted(name for name, _ in model.named_parameters())
    assert len({group.name for group in groups}) == len(groups) >= 4


def test_the_last_group_is_the_classifier_alone(architecture, build):
    """Freeze depth `len(groups) - 1` is what everybody calls training the head."""
    model, _ = build(architecture)
    found = model.get_classifier()
    heads = found if isinstance(found, tuple) else (found,)
    expected = {id(parameter) for head in heads for parameter in head.parameters()}
    last = depth.groups(model)[-1]
    assert {id(model.get_parameter(name)) for name in last.parameters} == expected


def test_groups_run_in_their_order(architecture, build):
    """A forward pass reaches the groups from the first to the last."""
    model, images = build(architecture)
    reached = first_uses(model, depth.groups(model), images)
    assert reached == sorted(reached)


def test_frozen_means_frozen(architecture, build):
    """After a training step no frozen parameter or buffer has changed by a bit; others have."""
    model, images = build(architecture)
    groups = depth.groups(model)
    middle = len(groups) // 2
    freezing.freeze(model, groups, middle)
    before = copy.deepcopy(model.state_dict())
    optimizer = train_one_step(model, images)
    frozen = {name for group in groups[:middle] for name in group.parameters}
    for name, parameter in model.named_parameters():
        if name in frozen:
            assert torch.equal(parameter, before[name]), name
            assert parameter.grad is None, name
    assert not torch.equal(
        model.get_parameter(groups[-1].parameters[0]), before[groups[-1].parameters[0]]
    )
    _require_buffers_unmoved(model, before, frozen)
    audit(model, groups, depth.behind(groups, middle), optimizer)


def _require_buffers_unmoved(model, before, frozen):
    for path, module in model.named_modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            still = torch.equal(module.running_mean, before[f"{path}.running_mean"])
            count = torch.equal(module.num_batches_tracked, before[f"{path}.num_batches_tracked"])
            assert (still and count) == (f"{path}.weight" in frozen), path


def test_frozen_modules_stay_in_evaluation_mode_after_train(architecture, build):
    """Everything inside a frozen module is in evaluation mode, layers without parameters too."""
    model, _ = build(architecture)
    groups = depth.groups(model)
    freezing.freeze(model, groups, len(groups) - 1)
    model.eval()
    model.train()
    frozen = {name for group in groups[:-1] for name in group.parameters}
    for path, module in model.named_modules():
        names = [f"{path}.{name}" for name, _ in module.named_parameters()]
        if path and names and frozen.issuperset(names):
            assert not any(inner.training for inner in module.modules()), path
    assert model.training


def test_a_model_thaws_again(architecture, build):
    """Freezing to the head and then to nothing leaves no trace."""
    model, _ = build(architecture)
    untouched = {path: module.training for path, module in model.train().named_modules()}
    groups = depth.groups(model)
    freezing.freeze(model, groups, len(groups) - 1)
    freezing.freeze(model, groups, 0)
    assert {path: module.training for path, module in model.named_modules()} == untouched
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert depth.trained_fraction(model, groups, 0) == 1.0


def test_freezing_forgets_gradients_of_before(build):
    """What an earlier training left would be taken for a sign that a layer is trained."""
    model, images = build("resnet18")
    groups = depth.groups(model)
    train_one_step(model, images)
    freezing.freeze(model, groups, 4)
    assert model.layer3[0].conv1.weight.grad is None
    assert model.layer4[0].conv1.weight.grad is not None


def test_the_fraction_trained_is_of_parameters(build):
    """The head of ResNet-18 with 5 classes holds 2,565 of 11,179,077 parameters."""
    model, _ = build("resnet18")
    groups = depth.groups(model)
    assert depth.trained_fraction(model, groups, 5) == pytest.approx(2565 / 11179077)


def test_a_copy_of_a_frozen_model_is_frozen_by_itself(build):
    """The copy's own modules are held in evaluation mode, not those of the original."""
    model, _ = build("resnet18")
    groups = depth.groups(model)
    freezing.freeze(model, groups, 3)
    twin = copy.deepcopy(model)
    freezing.freeze(model, groups, 0)
    twin.train()
    assert not twin.layer1[0].bn1.training
    assert model.train().layer1[0].bn1.training


def test_freezing_leaves_the_state_dict_alone(build):
    """Weights of a frozen model load into one that never was."""
    model, _ = build("resnet18")
    keys = list(model.state_dict())
    freezing.freeze(model, depth.groups(model), 3)
    assert list(model.state_dict()) == keys


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (0, 0),
        (5, 5),
        (0.0, 0),
        (0.5, 3),
        (1.0, 5),
        ("layer4", 4),
        ("conv1+bn1", 0),
        ("bn1", 0),
    ],
)
def test_a_freeze_depth_is_an_index_a_fraction_or_a_name(build, asked, expected):
    """Of the six groups of a ResNet."""
    model, _ = build("resnet18")
    assert depth.resolve(depth.groups(model), asked) == expected


@pytest.mark.parametrize("asked", [-1, 6, -0.1, 1.5, float("nan"), True, None, "", "layer9"])
def test_a_freeze_depth_that_does_not_exist_is_refused(build, asked):
    """The sentence names the value."""
    model, _ = build("resnet18")
    with pytest.raises(UsageError, match=r"freeze depth .* but is "):
        depth.resolve(depth.groups(model), asked)


def test_a_misspelt_name_is_met_with_near_ones(build):
    """A person who writes `layr4` reads `layer4`."""
    model, _ = build("resnet18")
    with pytest.raises(UsageError, match="'layer4'"):
        depth.resolve(depth.groups(model), "layr4")


def test_the_audit_tells_rates_and_batch_norm(build):
    """Per group: how much is trained, at which rates, and what BatchNorm does."""
    model, _ = build("resnet18")
    groups = depth.groups(model)
    freezing.freeze(model, groups, 4)
    optimizer = torch.optim.SGD(
        [{"params": model.layer4.parameters(), "lr": 0.01}, {"params": model.fc.parameters()}],
        lr=0.1,
    )
    reports = audit(model.eval(), groups, depth.behind(groups, 4), optimizer)
    assert [report.learning_rates for report in reports] == [(), (), (), (), (0.01,), (0.1,)]
    assert [report.batch_norm for report in reports] == [*["frozen"] * 4, "trained", "none"]
    assert [report.trained > 0 for report in reports] == [False] * 4 + [True] * 2
    assert not model.training


def _frozen_batch_norm_thawed(model):
    del vars(model.layer1)["train"]


def _frozen_parameter_thawed(model):
    model.layer2[0].conv1.weight.requires_grad_(requires_grad=True)


def _trained_parameter_frozen(model):
    model.layer4[1].bn2.bias.requires_grad_(requires_grad=False)


@pytest.mark.parametrize(
    "spoil", [_frozen_batch_norm_thawed, _frozen_parameter_thawed, _trained_parameter_frozen]
)
def test_the_audit_refuses_what_was_not_asked(build, spoil):
    """A freeze depth that is not in force is an internal error that no run may hide."""
    model, _ = build("resnet18")
    groups = depth.groups(model)
    freezing.freeze(model, groups, 4)
    spoil(model)
    with pytest.raises(InertError):
        audit(model, groups, depth.behind(groups, 4))


@pytest.mark.parametrize(
    "chosen",
    [
        lambda model: [*model.layer3.parameters(), *model.layer4.parameters()],
        lambda model: list(model.layer4.parameters()),
        lambda model: [*list(model.layer4.parameters())[1:], *model.fc.parameters()],
    ],
)
def test_the_audit_refuses_an_optimizer_with_other_parameters(build, chosen):
    """Frozen parameters in the optimizer; a group, or one tensor, missing from it."""
    model, _ = build("resnet18")
    groups = depth.groups(model)
    freezing.freeze(model, groups, 4)
    optimizer = torch.optim.SGD(chosen(model), lr=0.1)
    with pytest.raises(InertError):
        audit(model, groups, depth.behind(groups, 4), optimizer)
