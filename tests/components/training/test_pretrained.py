"""Where fits start: a head of the weights' own is kept by the names of its outputs."""

from dataclasses import replace

import pytest
import torch

from components.frame import files
from components.model.backbone import create
from components.model.description import PACKAGE
from components.training.pretrained import Pretrained, Renewable
from components.training.recipe import Setting

OLD, NEW = ("cat", "dog", "owl"), ("ant", "cat", "owl", "yak")


@pytest.fixture
def known(pretrained):
    """Weights with a classifier of three classes, for a task of four, two of them the same."""
    drawn = torch.Generator().manual_seed(1)
    state = dict(pretrained.state)
    state["classifier.weight"] = torch.randn(
        3, state["classifier.weight"].shape[1], generator=drawn
    )
    state["classifier.bias"] = torch.randn(3, generator=drawn)
    config = replace(pretrained.config, classes=3, names=OLD)
    return replace(pretrained, config=config, state=state, outputs=4, names=NEW)


def head(model):
    return model.classifier.weight.detach(), model.classifier.bias.detach()


def test_known_rows_are_kept_by_name_and_new_ones_drawn(known):
    """In the order of the new names; the seed draws only what is new."""
    (one, offsets), (other, _) = (head(known.network(seed)) for seed in (0, 1))
    for row, old in ((1, 0), (2, 2)):
        assert torch.equal(one[row], known.state["classifier.weight"][old])
        assert torch.equal(other[row], one[row])
        assert offsets[row] == known.state["classifier.bias"][old]
    for row in (0, 3):
        assert not torch.equal(other[row], one[row])
        assert 0 < one[row].std() < 0.03
        assert offsets[row] == 0
    assert known.known == (1, 2)


def test_every_trial_starts_with_what_is_known(known):
    """A network that is made anew has the head of one that is built."""
    renewable = Renewable(known, torch.device("cpu"))
    with torch.no_grad():
        renewable.model.classifier.weight.zero_()
    for one, other in zip(head(renewable.renew(3)), head(known.network(3)), strict=True):
        assert torch.equal(one, other)


def test_a_head_without_names_is_drawn_whole(known):
    """Of weights of another kind, or for a task whose outputs have none."""
    bare = replace(known, config=replace(known.config, names=()))
    one, _ = head(bare.network(0))
    assert one.std() < 0.03
    assert bare.known == replace(known, names=()).known == ()


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


def test_a_setting_may_start_from_the_package_instead_of_the_champion(champion, pretrained):
    """All of it: weights, a head that knows nothing, and where they come from."""
    package = setting(start="package")
    started, expected = champion.network(5, package).state_dict(), pretrained.network(5)
    assert all(torch.equal(started[k], v) for k, v in expected.state_dict().items())
    assert champion.starting(package).known == ()
    assert champion.starting(package).config.source == "package"
    assert champion.starting(setting()) is champion
    renewable = Renewable(champion, torch.device("cpu"))
    for asked in (package, None, package):
        fresh = champion.network(5, asked).state_dict()
        renewed = renewable.renew(5, asked).state_dict()
        assert all(torch.equal(renewed[name], fresh[name]) for name in fresh)


def test_what_lies_beside_a_champion_is_read_apart(champion, tmp_path):
    """Names of the package's tensors are none of the network's own."""
    model, config = tmp_path / "model.safetensors", tmp_path / "config.json"
    beside = {PACKAGE + name: value.clone() for name, value in champion.package.items()}
    files.write_tensors(model, champion.state | beside)
    champion.config.write(config)
    found = Pretrained.read(model, config, 2, 32, champion.names)
    assert found.state.keys() == found.package.keys() == champion.state.keys()
    assert torch.equal(found.package["conv_stem.weight"], champion.package["conv_stem.weight"])
    assert found.config == champion.config
