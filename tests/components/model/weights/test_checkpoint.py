"""Weights in the checkpoints of other trainers: where they lie, and under which names."""

from argparse import Namespace

import pytest
import timm
import torch

from components.frame.errors import DataError
from components.model.weights.local import local

NAME = "test_resnet"


@pytest.fixture(scope="module")
def network():
    """The tensors of a small network, in its order."""
    torch.manual_seed(0)
    return timm.create_model(NAME, num_classes=5).state_dict()


@pytest.fixture
def taken(tmp_path, capsys):
    """Take what a checkpoint holds; the weights and what was said."""

    def take(content, name="other.pth"):
        torch.save(content, tmp_path / name)
        weights = local(str(tmp_path / name), NAME)
        return weights, capsys.readouterr().out

    return take


def below(prefix, state):
    return {f"{prefix}{name}": value for name, value in state.items()}


def averaged(state):
    """Other numbers of the same form."""
    return {
        name: value * 2 if value.is_floating_point() else value for name, value in state.items()
    }


def same(found, wanted):
    return found.keys() == wanted.keys() and all(
        torch.equal(found[k], v) for k, v in wanted.items()
    )


@pytest.mark.parametrize(
    "prefix", ["module.", "model.", "_orig_mod.", "backbone.", "net.", "module._orig_mod.", "cnn."]
)
def test_a_prefix_of_all_names_is_taken_off_and_said(taken, network, prefix):
    """Whatever the trainer's wrapper is called, and however deep it is."""
    weights, said = taken(below(prefix, network))
    assert same(weights.state, network)
    assert f"`{prefix}` is taken off the names of {len(network)} entries" in said
    assert weights.describe("").classes == 5


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (lambda own: {"state_dict": below("model.", own), "epoch": 3}, "`state_dict` is taken"),
        (lambda own: {"model": own, "optimizer": {"state": {0: {}}}}, "`model` is taken"),
        (lambda own: {"model": {"state_dict": own}}, "`model.state_dict` is taken"),
        (lambda own: {"epoch": 3, "args": Namespace(lr=0.1), "state_dict": own}, "`state_dict`"),
        (lambda own: {**own, "epoch": 3}, ""),
    ],
)
def test_weights_are_found_wherever_a_trainer_keeps_them(taken, network, content, place):
    """Lightning, torchvision, timm with its options, and one that counts epochs among them."""
    weights, said = taken(content(network))
    assert same(weights.state, network)
    assert place in said


@pytest.mark.parametrize("name", ["state_dict_ema", "model_ema", "ema"])
def test_a_running_average_is_preferred_and_the_choice_is_said(taken, network, name):
    """It scores better than the last step, and both fit."""
    weights, said = taken({"state_dict": network, name: below("module.", averaged(network))})
    assert same(weights.state, averaged(network))
    assert f"`{name}` is taken" in said
    assert "state_dict would fit, too" in said


def test_what_lies_beside_the_network_is_left_out_and_said(taken, network):
    """The loss of a Lightning module, the counter of an averaged model."""
    weights, said = taken({"n_averaged": torch.tensor(3), **below("module.", network)})
    assert same(weights.state, network)
    assert "left out: n_averaged" in said


def test_counts_of_batches_may_be_missing(taken, network):
    """Files from before 2018 lack them."""
    old = {name: value for name, value in network.items() if "num_batches" not in name}
    weights, said = taken(old)
    assert weights.state.keys() == network.keys()
    assert "num_batches_tracked" in said
    weights.describe("")


def test_a_classifier_of_another_form_is_left_out_and_said(taken, network):
    """It is replaced anyway; its outputs may be of any number."""
    body = {name: value for name, value in network.items() if not name.startswith("fc.")}
    weights, said = taken(body | {"fc.1.weight": torch.ones(7, 3), "fc.1.bias": torch.ones(7)})
    assert same(weights.state, body)
    assert "its classifier is of a form of its own and left out" in said
    assert weights.describe("").classes == 0


@pytest.mark.parametrize("fault", ["names", "shape", "kind"])
def test_what_does_not_fit_is_told_side_by_side(taken, network, fault):
    """Name, what the network has and what the file has, of the first that differ."""
    state, first = dict(network), next(iter(network))
    asked = tuple(network[first].shape)
    told = f"{first} (asked {asked}, found "
    if fault == "names":
        state = {f"stem.{k}" if k == first else k: v for k, v in state.items()}
        told, foreign = f"{told}none)", f"stem.{first} (asked none, found {asked})"
    if fault == "shape":
        state[first] = torch.ones(2, 3)
        told, foreign = f"{told}(2, 3))", ""
    if fault == "kind":
        state[first] = state[first].to(torch.int8)
        told, foreign = f"{told}{asked} int8)", ""
    weights, _ = taken(state)
    with pytest.raises(DataError) as caught:
        weights.describe("")
    assert told in str(caught.value)
    assert foreign in str(caught.value)


def test_a_file_without_weights_is_refused(taken):
    """Lists, numbers, a tensor alone, a mapping that holds itself."""
    endless = {"epoch": 3}
    endless["self"] = endless
    for content in ([1], 3, torch.ones(2), {}, endless, {0: torch.ones(2)}):
        with pytest.raises(DataError, match="must hold a state dict of tensors"):
            taken(content)
