"""The frozen-feature cache: the same training from kept activations."""

import copy
import dataclasses
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from torch.nn import functional

from components.data.batch import padded
from components.features.cache import ActivationSource, FeatureCache
from components.features.store import ABOUT_BYTES
from components.model import freezing
from components.model import groups as depths
from components.model.partial.cost import cost
from components.model.partial.cut_points import find_cut_points

ROWS, BATCH, SIZE = 22, 8, 32
NETWORKS = {
    "mobilenetv2_035": {},
    "resnet18": {},
    "convnext_atto": {},
    "vit_tiny_patch16_224": {"img_size": SIZE, "depth": 3},
}


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@cache
def with_cut_points(name):
    """A network with its groups, cuts and cost; worked out once for all tests."""
    torch.manual_seed(0)
    model = timm.create_model(name, num_classes=3, **NETWORKS[name])
    groups = depths.groups(model)
    images = torch.randn(2, 3, SIZE, SIZE)
    return model, groups, find_cut_points(model, groups, images), cost(model, groups, images)


class Lab:
    """A network, images, and a cache that counts how often the images are read."""

    def __init__(self, folder, name="mobilenetv2_035", budget=10**8, precision="float32"):
        model, self.groups, self.cut_points, self.cost = with_cut_points(name)
        self.model = copy.deepcopy(model)
        self.cut = self.cut_points.cut(self.model)
        generator = torch.Generator().manual_seed(1)
        self.views = [torch.randn(ROWS, 3, SIZE, SIZE, generator=generator) for _ in range(2)]
        self.cache = FeatureCache(folder, budget, precision)
        self.reads = 0

    def source(self, **changes):
        base = ActivationSource(
            data="data",
            weights="weights",
            architecture="network",
            size=SIZE,
            view="view-0",
            rows=ROWS,
            batch_size=BATCH,
            device="cpu",
        )
        return dataclasses.replace(base, **changes)

    def images(self, view=0):
        def batches():
            self.reads += 1
            yield from self.views[view].split(BATCH)

        return batches

    def provide(self, *wanted, view=0, **changes):
        source = self.source(view=f"view-{view}", **changes)
        return self.cache.provide(source, self.cut, wanted, self.cost, self.images(view))


def train(model, forward, inputs, freeze_depth, groups):
    """Four epochs over views in turn, shuffled, the incomplete last batch left out."""
    freezing.freeze(model.train(), groups, freeze_depth)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=0.05, momentum=0.9, weight_decay=0.01)
    labels = torch.arange(ROWS) % 3
    losses = []
    for epoch in range(4):
        order = np.random.default_rng(epoch).permutation(ROWS)[: ROWS // BATCH * BATCH]
        for rows in order.reshape(-1, BATCH):
            loss = functional.cross_entropy(forward(inputs[epoch % 2][rows]), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    return losses


@pytest.mark.parametrize("name", NETWORKS)
def test_training_from_the_cache_is_training_from_images(tmp_path, name):
    """Losses, weights and statistics are equal to the bit in float32, at every freeze depth."""
    lab = Lab(tmp_path, name)
    last = len(lab.groups) - 1
    for freeze_depth in (1, last // 2, last):
        features = [
            lab.provide(freeze_depth, view=view).features[freeze_depth] for view in range(2)
        ]
        cached, whole = copy.deepcopy(lab.model), copy.deepcopy(lab.model)
        cut = lab.cut_points.cut(cached)
        one = train(
            cached,
            lambda x, c=cut, d=freeze_depth: c.suffix(x, d),
            features,
            freeze_depth,
            lab.groups,
        )
        other = train(whole, whole, lab.views, freeze_depth, lab.groups)
        assert one == other
        for key, value in whole.state_dict().items():
            assert torch.equal(cached.state_dict()[key], value), (freeze_depth, key)


@pytest.mark.parametrize("name", ["convnext_atto", "vit_tiny_patch16_224"])
def test_half_precision_trains_as_well(tmp_path, name):
    """Another path, the same quality: each loss within a hundredth."""
    lab = Lab(tmp_path, name, precision="float16")
    freeze_depth = len(lab.groups) // 2
    features = [lab.provide(freeze_depth, view=view).features[freeze_depth] for view in range(2)]
    exact = lab.cut.tap(lab.views[0][:BATCH], [freeze_depth])[freeze_depth]
    torch.testing.assert_close(features[0][slice(0, BATCH)], exact, rtol=2**-11, atol=1e-6)
    cached, whole = copy.deepcopy(lab.model), copy.deepcopy(lab.model)
    cut = lab.cut_points.cut(cached)
    one = train(cached, lambda x: cut.suffix(x, freeze_depth), features, freeze_depth, lab.groups)
    other = train(whole, whole, lab.views, freeze_depth, lab.groups)
    assert one == pytest.approx(other, abs=0.01)


def test_one_pass_over_the_images_fills_all_freeze_depths(tmp_path):
    """And none is needed for what is there."""
    lab = Lab(tmp_path)
    everything = sorted(lab.cut.points)
    assert sorted(lab.provide(*everything).features) == everything
    assert lab.reads == 1
    assert sorted(lab.provide(*everything).features) == everything
    assert lab.reads == 1


def test_an_entry_feeds_the_higher_ones(tmp_path):
    """To the bit what the images would give, without reading them."""
    lab, other = Lab(tmp_path / "one"), Lab(tmp_path / "other")
    lab.provide(2)
    fed = lab.provide(5, 8).features
    assert lab.reads == 1
    direct = other.provide(5, 8).features
    for freeze_depth, features in direct.items():
        assert torch.equal(fed[freeze_depth][slice(None)], features[slice(None)])


def test_half_precision_entries_do_not_feed(tmp_path):
    """What is rounded once is not rounded twice, whatever happens to be cached."""
    lab = Lab(tmp_path, precision="float16")
    lab.provide(2)
    lab.provide(5)
    assert lab.reads == 2


def test_the_last_batch_is_padded(tmp_path):
    """Rows of an incomplete batch are what they would be in a full one."""
    lab = Lab(tmp_path)
    sizes = set()
    lab.model.conv_stem.register_forward_pre_hook(lambda _, inputs: sizes.add(len(inputs[0])))
    features = lab.provide(4).features[4]
    assert sizes == {BATCH}
    rows = np.arange(ROWS - BATCH, ROWS)
    assert len(features) == ROWS
    assert torch.equal(features[rows], lab.cut.tap(lab.views[0][rows], [4])[4])


def test_padding_repeats_the_last_row():
    """And leaves a full batch as it is."""
    batch = torch.arange(6).reshape(3, 2)
    assert padded(batch, 3) is batch
    assert padded(batch, 5).tolist() == [[0, 1], [2, 3], [4, 5], [4, 5], [4, 5]]


def test_activations_lie_in_memory_as_the_network_left_them(tmp_path):
    """ConvNeXt works with the channels last: kernels may give other bits for another order."""
    lab = Lab(tmp_path, "convnext_atto")
    features = lab.provide(2).features[2]
    own = lab.cut.tap(lab.views[0][:BATCH], [2])[2]
    assert not own.is_contiguous()
    assert features[slice(0, BATCH)].stride() == own.stride()
    assert torch.equal(features[slice(0, BATCH)], own)


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(ActivationSource)])
def test_anything_that_changes_the_activations_makes_another_entry(tmp_path, field):
    """Nothing is taken for something else."""
    lab = Lab(tmp_path)
    lab.provide(8)
    old = getattr(lab.source(), field)
    new = {"rows": ROWS - BATCH, "batch_size": 2 * BATCH}.get(field, f"{old}-other")
    source = lab.source(**{field: new})
    lab.views[0] = lab.views[0][: source.rows]
    lab.cache.provide(source, lab.cut, [8], lab.cost, lab.images())
    assert lab.reads == 2


def test_precisions_are_kept_apart(tmp_path):
    """A folder may hold both."""
    for precision in ("float32", "float16"):
        lab = Lab(tmp_path, precision=precision)
        lab.provide(8)
        assert lab.reads == 1


def test_what_does_not_fit_is_refused_and_the_rest_is_kept(tmp_path):
    """The head's features save most per byte; the first layers' are too many for the budget."""
    probe = Lab(tmp_path / "probe")
    needed = {
        freeze_depth: probe.cache.bytes_needed(probe.cut, freeze_depth, ROWS)
        for freeze_depth in probe.cut.points
    }
    lab = Lab(tmp_path / "cache", budget=needed[8] + needed[4] + 4 * ABOUT_BYTES)
    provided = lab.provide(1, 4, 8)
    assert sorted(provided.features) == [4, 8]
    assert f"{needed[1]:,} bytes do not fit" in provided.refusals[1]
    used = sum(path.stat().st_size for path in (tmp_path / "cache").iterdir())
    assert needed[8] + needed[4] < used <= needed[8] + needed[4] + 4 * ABOUT_BYTES


def test_freeze_depths_that_fit_alone_but_not_together(tmp_path):
    """Room is kept for all that one pass will write."""
    probe = Lab(tmp_path / "probe")
    budget = probe.cache.bytes_needed(probe.cut, 8, ROWS) + 3 * ABOUT_BYTES
    lab = Lab(tmp_path / "cache", budget=budget)
    assert sorted(lab.provide(4, 8).features) == [4]
    lab.cache.release()
    assert sorted(lab.provide(8).features) == [8]
    assert sum(path.stat().st_size for path in (tmp_path / "cache").iterdir()) <= budget


def test_what_was_provided_stays_until_it_is_released(tmp_path):
    """A trial that reads two views is not robbed of the first by the second."""
    probe = Lab(tmp_path / "probe")
    budget = probe.cache.bytes_needed(probe.cut, 4, ROWS) + 3 * ABOUT_BYTES
    lab = Lab(tmp_path / "cache", budget=budget)
    assert lab.provide(4, view=0).features
    assert not lab.provide(4, view=1).features
    lab.cache.release()
    assert lab.provide(4, view=1).features


def test_numbers_too_large_for_half_precision_are_refused(tmp_path):
    """Infinity would train silently on nonsense."""
    lab = Lab(tmp_path, "resnet18", precision="float16")
    lab.views[0] *= 1e9
    provided = lab.provide(1)
    assert "too large for float16" in provided.refusals[1]
    assert not provided.features


def test_the_number_of_images_must_be_right(tmp_path):
    """An entry with rows missing would give images the wrong labels."""
    lab = Lab(tmp_path)
    with pytest.raises(ValueError, match="must be 21 images, but 22 came"):
        lab.provide(8, rows=21)
    assert lab.provide(8).features
    assert lab.reads == 2


def test_a_fill_that_breaks_off_is_done_again(tmp_path):
    """Nothing of it is read, and its bytes are freed."""
    lab = Lab(tmp_path)

    def breaking():
        yield from lab.views[0][: 2 * BATCH].split(BATCH)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        lab.cache.provide(lab.source(), lab.cut, [2, 8], lab.cost, breaking)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) == 0
    kept = lab.provide(2, 8).features
    assert lab.reads == 1
    assert torch.equal(kept[8][slice(0, BATCH)], lab.cut.tap(lab.views[0][:BATCH], [8])[8])


def private_memory():
    """Bytes of this process that no file stands behind."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("RssAnon")).split()[1]) * 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="asks Linux for its memory")
def test_memory_does_not_grow_with_the_number_of_images(tmp_path):
    """Sixteen times as many images, 29 MB of features: a few MB more at most."""
    peaks = [peak_memory(Lab(tmp_path / str(rows)), rows) for rows in (64, 64, 1024)]
    written = sum(path.stat().st_size for path in (tmp_path / "1024").iterdir())
    assert written > 29 * 2**20
    assert peaks[2] - peaks[1] < 6 * 2**20


def peak_memory(lab, rows):
    """Most private memory while rows are computed, written and read again."""
    peaks = []

    def batches():
        for _ in range(rows // BATCH):
            yield lab.views[0][:BATCH]
            peaks.append(private_memory())

    source = lab.source(rows=rows)
    features = lab.cache.provide(source, lab.cut, [1, 2, 8], lab.cost, batches).features[1]
    for start in range(0, rows, BATCH):
        assert len(features[np.arange(start, start + BATCH)]) == BATCH
        peaks.append(private_memory())
    return max(peaks)
