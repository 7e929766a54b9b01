"""Which layers train: frozen to a depth, normalisation or biases alone, a third, in phases."""

import pytest
import torch
from torch import nn

from components.frame.errors import InertError
from components.model.backbone import create
from components.model.groups import groups
from components.tasks.classification import Classification
from components.training.fit import fit
from components.training.recipe import Recipe, Setting
from components.training.schedules import Moment, fraction
from components.training.techniques.phases import Phases

CPU = torch.device("cpu")
NETWORKS = ["test_efficientnet", "test_vit"]
TASK = Classification(("a", "b"))


@pytest.fixture(params=NETWORKS)
def network(request):
    torch.manual_seed(0)
    return create(request.param, 2, 32, {})


@pytest.fixture
def trained(feed_of, images, tmp_path):
    """Fit for some epochs: what was done, and the names of the parameters that moved."""

    def run(model, *, epochs=1, on_epoch=lambda *_: False, **asked):
        setting = Setting(**{"freeze_depth": 0, "learning_rate": 1e-2, **asked})
        before = {name: value.detach().clone() for name, value in model.named_parameters()}
        done = fit(
            model,
            groups(model),
            feed_of(images),
            TASK,
            Recipe(setting=setting, epochs=epochs, patience=epochs, seed=0, precision="off"),
            device=CPU,
            keep=tmp_path / "epoch",
            keep_best=False,
            on_epoch=on_epoch,
        )
        moved = {n for n, p in model.named_parameters() if not torch.equal(p, before[n])}
        return done, moved

    return run


def names(parts):
    return {name for part in parts for name in part.parameters}


def test_features_are_extracted_where_the_head_alone_trains(network, trained):
    parts = groups(network)
    _, moved = trained(network, freeze_depth=len(parts) - 1)
    assert moved == names(parts[-1:])


def test_it_is_frozen_to_a_depth(network, trained):
    parts = groups(network)
    _, moved = trained(network, freeze_depth=3)
    assert moved == names(parts[3:])


def test_stem_or_embedding_is_frozen_alone(network, trained):
    parts = groups(network)
    stem = {"conv_stem.weight"} if hasattr(network, "conv_stem") else {"patch_embed.proj.weight"}
    assert stem <= names(parts[:1])
    _, moved = trained(network, freeze_depth=1)
    assert moved == names(parts[1:])


def test_in_full_everything_trains(network, trained):
    _, moved = trained(network, freeze_depth=0)
    assert moved == names(groups(network))


def test_norms_alone_and_the_head(network, trained):
    kinds = (nn.modules.batchnorm._BatchNorm, nn.LayerNorm)
    wanted = {
        f"{path}.{name}"
        for path, module in network.named_modules()
        if isinstance(module, kinds)
        for name in ("weight", "bias")
    }
    done, moved = trained(network, tuning="norms")
    assert moved == wanted | names(groups(network)[-1:])
    assert done.techniques["tuning"] == {"kind": "norms", "tensors": len(wanted)}


def test_biases_alone_and_the_head(network, trained):
    wanted = {name for name, _ in network.named_parameters() if name.split(".")[-1] == "bias"}
    wanted |= names(groups(network)[-1:])
    _, moved = trained(network, tuning="bitfit")
    assert moved == wanted


def test_norms_behind_the_freeze_depth_alone(network, trained):
    parts = groups(network)
    _, moved = trained(network, tuning="norms", freeze_depth=2)
    assert moved < names(parts[2:])
    assert moved > names(parts[-1:])


@pytest.mark.parametrize("third", ["first", "middle", "last"])
def test_a_third_of_the_groups_and_the_head(network, trained, third):
    parts = groups(network)
    below, place = parts[:-1], ["first", "middle", "last"].index(third)
    first, end = round(len(below) * place / 3), round(len(below) * (place + 1) / 3)
    done, moved = trained(network, surgical=third)
    assert moved == names([*below[first:end], parts[-1]])
    assert done.techniques["surgical"]["groups"] == [part.name for part in below[first:end]]


@pytest.mark.parametrize("asked", [{"tuning": "norms"}, {"tuning": "bitfit"}, {"surgical": "last"}])
def test_what_finds_no_layer_is_inert(network, trained, asked):
    with pytest.raises(InertError, match=next(iter(asked.values()))):
        trained(network, freeze_depth=len(groups(network)) - 1, **asked)


def moved_by_epoch(network, trained, **asked):
    """The parameters that each epoch moves."""
    seen = [{name: p.detach().clone() for name, p in network.named_parameters()}]
    moved = []

    def note(epoch, *_):
        now = {name: p.detach().clone() for name, p in network.named_parameters()}
        moved.append({name for name in now if not torch.equal(now[name], seen[-1][name])})
        seen.append(now)
        return False

    done, _ = trained(network, on_epoch=note, **asked)
    return done, moved


def test_lp_ft_trains_the_head_alone_and_then_everything(network, trained):
    parts = groups(network)
    done, moved = moved_by_epoch(network, trained, epochs=4, phases="lp_ft", freeze_depth=1)
    assert moved == [names(parts[-1:]), *3 * [names(parts[1:])]]
    assert done.techniques["phases"]["starts"] == [1, 2]


def test_unfreezing_is_progressive(network, trained):
    parts = groups(network)
    _, moved = moved_by_epoch(network, trained, epochs=4, phases="progressive")
    assert moved[0] == names(parts[-1:])
    assert moved[0] < moved[1] < moved[2] == moved[3] == names(parts)


def test_the_rate_starts_anew_with_each_phase(network, trained):
    done, _ = trained(network, epochs=4, phases="lp_ft")
    last = [(4, 5), (4, 15), (9, 15), (14, 15)]
    expected = [1e-2 * fraction("cosine", Moment(step=at, steps=of)) for at, of in last]
    assert [epoch.learning_rate for epoch in done.history] == expected


def test_a_fit_in_phases_goes_on_after_a_kill(trained, feed_of, images, tmp_path):
    """In the phase where it was, with equal bits."""
    results = []
    for killed in (True, False):
        torch.manual_seed(0)
        model = create("test_efficientnet", 2, 32, {})
        (tmp_path / "epoch").unlink(missing_ok=True)
        if killed:
            first = create("test_efficientnet", 2, 32, {})
            first.load_state_dict(model.state_dict())
            with pytest.raises(KeyboardInterrupt):
                trained(first, epochs=4, phases="progressive", on_epoch=_killed_after(2))
        done, _ = trained(model, epochs=4, phases="progressive")
        results.append((done.history, model.state_dict()))
    (one, weights), (other, expected) = results
    assert one == other
    assert all(torch.equal(weights[name], expected[name]) for name in expected)


def _killed_after(number):
    def on_epoch(epoch, *_):
        if epoch.epoch == number:
            raise KeyboardInterrupt
        return False

    return on_epoch


@pytest.mark.parametrize("kind", ["lp_ft", "progressive"])
@pytest.mark.parametrize("epochs", [1, 2, 3, 10, 80])
def test_phases_end_with_everything_that_trains(network, kind, epochs):
    technique = Phases(kind)
    technique.begin(network, groups(network))
    starts = technique.phases(epochs)
    assert starts[0] == 1
    assert list(starts) == sorted(set(starts))
    assert starts[-1] <= epochs
    assert technique.trained_by_phase[-1] == names(groups(network))


def statistics(model):
    """Running statistics of batch normalisation, by name."""
    return {n: v.clone() for n, v in model.named_buffers() if "running_" in n}


@pytest.mark.parametrize("phases", ["none", "progressive"])
@pytest.mark.parametrize("asked", ["trained", "frozen", "auto"])
def test_statistics_are_those_of_the_pretraining(trained, asked, phases):
    """What scales and shifts trains all the same, also where phases thaw layers by and by."""
    torch.manual_seed(0)
    model = create("test_efficientnet", 2, 32, {})
    before = statistics(model)
    done, moved = trained(model, epochs=4, batch_norm=asked, phases=phases)
    kept = all(torch.equal(value, before[name]) for name, value in statistics(model).items())
    assert kept is (asked != "trained")
    assert "conv_stem.weight" in moved
    assert "bn1.weight" in moved
    if kept:
        assert done.techniques["batch_norm"] == {"frozen_layers": len(before) // 2}
        assert {report.batch_norm for report in done.audit} == {"frozen", "none"}


def test_a_fit_ends_with_layers_that_move(trained):
    model = create("test_efficientnet", 2, 32, {})
    trained(model, batch_norm="frozen")
    assert model.train().bn1.training


def test_no_batch_normalisation_is_frozen_where_there_is_none(trained):
    model = create("test_vit", 2, 32, {})
    assert trained(model, batch_norm="auto")[0].techniques["batch_norm"] == {"frozen_layers": 0}
    with pytest.raises(InertError, match=r"search\.batch_norm=auto"):
        trained(model, batch_norm="frozen")
