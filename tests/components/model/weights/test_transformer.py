"""A real vision transformer: at another image size than its own, cut, trained and taken back."""

import pytest
import torch
from places import ROOT
from timm.layers import resample_abs_pos_embed

from benchmarks.cases import bring, make_case
from benchmarks.fits import plan_of
from components.model.backbone import trained
from components.model.description import NetworkDescription
from components.model.groups import resolve
from components.study.runner import Runner
from components.study.trial import Asked
from components.study.trial_inputs import Reuse
from components.training.recipe import Setting

FILE = ROOT.parent / "shared" / "weights" / "vit_small_patch14.safetensors"
SIZE, PATCH = 56, 14
IMAGES = 90
CPU = torch.device("cpu")
pytestmark = pytest.mark.skipif(not FILE.is_file(), reason="the weights to try with are not here")


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    """Some digits, and the weights."""
    folder = tmp_path_factory.mktemp("transformer")
    return make_case(bring("digits", folder, IMAGES), str(FILE), SIZE, folder)


def tried(case, name, *, cache_bytes):
    """A trial of the last block: how it ended, and the network's weights."""
    plan = plan_of(
        case.pretrained,
        strategy="staged",
        max_trials=1,
        compute=1.0,
        epochs=2,
        rates=(1e-4, 1e-2),
        enqueued=(),
        views=2,
        cache_bytes=cache_bytes,
        cache_precision="float32",
        seed=0,
        precision="off",
    )
    reuse = Reuse(case.pretrained, case.images, plan, case.folder / name, CPU)
    last = Setting(
        freeze_depth=resolve(case.pretrained.groups, "blocks.11"),
        learning_rate=3e-3,
        backbone_rate=0.01,
    )
    asked = Asked(setting=last, origin="rule", stage="full", epochs=2)
    keep = case.folder / f"{name}.safetensors"
    outcome = Runner(plan, reuse, CPU).run(0, asked, [], keep, lambda *_: False)
    return outcome, {k: v.clone() for k, v in reuse.network.model.state_dict().items()}


def test_its_positions_are_resampled_to_the_images(case):
    """As timm does it, from 37 x 37 patches to the few that the images have."""
    kept = case.pretrained.state["pos_embed"]
    side = SIZE // PATCH
    expected = resample_abs_pos_embed(kept, [side, side], num_prefix_tokens=1)
    network = case.pretrained.network(0)
    assert kept.shape[1] == 37**2 + 1
    assert network.pos_embed.shape[1] == side**2 + 1
    assert torch.equal(network.pos_embed, expected.float())


def test_its_blocks_are_freeze_depths_and_cached_trials_are_equal(case):
    """To the bit; below the blocks there is the embedding."""
    layers = case.pretrained.layers
    assert layers[0] == "cls_token+pos_embed+patch_embed"
    assert layers[1:] == [*(f"blocks.{block}" for block in range(11)), "blocks.11+norm", "head"]
    one, weights = tried(case, "cached", cache_bytes=2**30)
    other, expected = tried(case, "uncached", cache_bytes=0)
    assert (one.cached, other.cached) == (True, False)
    assert one.history == other.history
    assert all(torch.equal(weights[name], expected[name]) for name in expected)


def test_it_is_built_again_from_what_was_trained(case):
    """At the size of its images, with equal answers."""
    network = case.pretrained.network(3).eval()
    config = case.pretrained.config
    described = NetworkDescription(
        architecture=config.architecture,
        arguments=config.arguments,
        task={},
        transform=case.images.transform.to_dict(),
        freeze_depth=0,
        layer=case.pretrained.layers[0],
        trained_fraction=1.0,
        learning_rate=1e-5,
        base=config.origin,
        head_layers="none",
    )
    again = trained(described, network.state_dict(), case.pretrained.outputs, SIZE)
    images = torch.rand(2, 3, SIZE, SIZE)
    with torch.inference_mode():
        assert torch.equal(again(images), network(images))
