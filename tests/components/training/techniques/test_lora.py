"""Adapters train in place of layers, and are folded into them at the end."""

import ast
from pathlib import Path

import pytest
import torch

from components.frame.errors import InertError
from components.model.backbone import create
from components.model.groups import groups
from components.model.head import draw_head
from components.tasks.classification import Classification
from components.training.fit import fit
from components.training.recipe import Recipe, Setting
from components.training.techniques import lora
from components.training.techniques.lora import Lora

CPU = torch.device("cpu")
IMPORTS = (ast.Import, ast.ImportFrom)
NETWORKS = ["test_efficientnet", "test_vit"]


def fresh(architecture="test_vit"):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = create(architecture, 2, 32, {})
        draw_head(model)
    return model


@pytest.fixture
def fitted(feed_of, images, tmp_path):
    def run(model, *, epochs=2, on_epoch=lambda *_: False, **asked):
        setting = {"freeze_depth": 0, "learning_rate": 1e-2, "lora_rank": 4, **asked}
        return fit(
            model,
            groups(model),
            feed_of(images),
            Classification(("a", "b")),
            Recipe(
                setting=Setting(**setting),
                epochs=epochs,
                patience=epochs,
                seed=0,
                precision="off",
            ),
            device=CPU,
            keep=tmp_path / "epoch",
            keep_best=False,
            on_epoch=on_epoch,
        )

    return run


def adapted(model, **asked):
    """The technique, once it has changed the network, and the groups."""
    told = {"rank": 4, "alpha": 8.0, "layers": "all", "freeze_depth": 0, **asked}
    technique = Lora(**told)
    return technique, technique.prepare(model, groups(model))


@pytest.mark.parametrize("architecture", NETWORKS)
def test_merged_answers_as_unmerged_by_the_formula(architecture):
    """W + alpha / rank * B A, and under the plain network's names."""
    model = fresh(architecture).eval()
    plain = {name: value.clone() for name, value in model.state_dict().items()}
    technique, _ = adapted(model)
    torch.manual_seed(1)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.05)
    paths = list(technique.paths)
    steps = {path: model.get_submodule(path) for path in paths}
    deltas = {
        f"{path}.weight": 8.0
        / 4
        * (step.lora_B["default"].weight.flatten(1) @ step.lora_A["default"].weight.flatten(1))
        for path, step in steps.items()
    }
    image = torch.randn(3, 3, 32, 32)
    with torch.inference_mode():
        unmerged = model(image)
    technique.finish(model)
    with torch.inference_mode():
        merged = model(image)
    state = model.state_dict()
    assert (merged - unmerged).abs().max() < 1e-5
    assert list(state) == list(plain)
    assert all(torch.equal(state[name], plain[name]) for name in state.keys() - deltas.keys())
    for name, delta in deltas.items():
        assert torch.allclose(state[name], plain[name] + delta.view_as(plain[name]), atol=1e-6)


@pytest.mark.parametrize("architecture", NETWORKS)
def test_what_is_adapted_trains_and_nothing_else_but_the_head(architecture, fitted):
    model = fresh(architecture)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    done = fitted(model)
    moved = {name for name, value in model.state_dict().items() if not value.equal(before[name])}
    head = set(groups(model)[-1].parameters)
    layers = done.techniques["lora"]["layers"]
    assert list(model.state_dict()) == list(before)
    assert head < moved
    assert len(moved - head) == layers > 5
    assert all(name.endswith(".weight") and before[name].ndim > 1 for name in moved - head)


def test_the_audit_counts_adapters_in_their_groups(fitted):
    model = fresh()
    plain = {part.name: part for part in groups(model)}
    done = fitted(model, freeze_depth=2)
    sizes = {name: parameter.numel() for name, parameter in model.named_parameters()}
    for place, report in enumerate(done.audit):
        own = sum(sizes[name] for name in plain[report.name].parameters)
        if place < 2:
            assert (report.parameters, report.trained) == (own, 0)
        elif place < len(plain) - 1:
            assert report.parameters == own + report.trained > own
    assert [report.name for report in done.audit] == list(plain)


@pytest.mark.parametrize(("layers", "count"), [("all", 24), ("attention", 12), ("mlp", 12)])
def test_layers_are_those_of_the_parts_that_are_named(layers, count):
    technique, _ = adapted(fresh(), layers=layers)
    word = {"all": "", "attention": "attn", "mlp": "mlp"}[layers]
    assert all(word in path for path in technique.paths)
    assert technique.in_force()["layers"] == len(technique.paths) == count


@pytest.mark.parametrize(
    ("architecture", "asked"),
    [("test_efficientnet", {"lora_layers": "attention"}), ("test_vit", {"freeze_depth": 7})],
)
def test_no_layer_matched_is_inert_and_the_network_stays(architecture, asked, fitted):
    model = fresh(architecture)
    names = list(model.state_dict())
    with pytest.raises(InertError, match="lora_rank 4"):
        fitted(model, **asked)
    assert list(model.state_dict()) == names


def test_a_fit_goes_on_after_a_kill_with_equal_bits(fitted, tmp_path):
    def killed(epoch, *_):
        raise KeyboardInterrupt

    names = list(fresh().state_dict())
    first = fresh()
    with pytest.raises(KeyboardInterrupt):
        fitted(first, on_epoch=killed)
    assert list(first.state_dict()) == names
    resumed, whole = fresh(), fresh()
    one = fitted(resumed)
    (tmp_path / "epoch").unlink()
    other = fitted(whole)
    assert one.history == other.history
    assert all(torch.equal(whole.state_dict()[n], v) for n, v in resumed.state_dict().items())


def test_peft_is_loaded_only_where_it_is_asked_for():
    """No module imports it when it is imported itself."""
    for file in Path(lora.__file__).parents[2].rglob("*.py"):
        names = [node for node in ast.parse(file.read_text()).body if isinstance(node, IMPORTS)]
        assert not any("peft" in ast.unparse(node) for node in names)
