"""`search` and `train` on a CUDA device, on real images: device, mixed precision, freezing."""

import shutil
import statistics

import pytest
import torch
from places import ROOT, Place
from safetensors.torch import load_file

from components.frame import events, files

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]
SETTINGS = {
    "search": {
        "device": "cuda",
        "max_trials": 4,
        "epochs": 2,
        "freeze_depth": {"low": 2, "high": "head"},
        "enqueue": [],
    },
    "train": {"device": "cuda", "epochs": 3},
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The digits, searched and trained on the device; with the types that layers answered in."""
    place = Place(tmp_path_factory.mktemp("gpu") / "project")
    place.source("digits")
    shutil.copy(ROOT / "data" / "start.yaml", place.root / "data")
    for stage, values in SETTINGS.items():
        place.change(stage, **values)
    assert place.upto("ingest", "validate", "split", "base", "augment").code == 0
    torch.cuda.reset_peak_memory_stats()
    kinds = set()

    def note(module, _, output):
        if isinstance(module, torch.nn.Conv2d | torch.nn.Linear):
            kinds.add((output.device.type, output.dtype, module.training))

    hook = torch.nn.modules.module.register_module_forward_hook(note)
    try:
        done = place.upto("search", "train")
    finally:
        hook.remove()
    assert done.code == 0, done
    return place, kinds


def told(place, stage, kind):
    log = next((place.root / ".thawline" / "work" / stage).glob("*/events.jsonl"))
    return [event for event in events.read(log) if event["kind"] == kind]


def test_both_stages_run_on_the_device(trained):
    """They say so, and its memory was used."""
    place, kinds = trained
    for stage in ("search", "train"):
        assert told(place, stage, "device")[0]["device"] == torch.cuda.get_device_name()
    assert torch.cuda.max_memory_allocated() > 0
    assert {device for device, _, _ in kinds} == {"cuda"}


def test_training_is_of_mixed_precision(trained):
    """Convolutions answer in bfloat16, and what is kept is float32."""
    place, kinds = trained
    assert {kind for _, kind, training in kinds if training} == {torch.bfloat16}
    weights = load_file(place.root / "build/train/weights.safetensors")
    floats = {value.dtype for value in weights.values() if value.is_floating_point()}
    assert floats == {torch.float32}


def test_frozen_layers_are_those_of_the_base_to_the_bit(trained):
    """Weights and running statistics; those that were trained moved."""
    place, _ = trained
    base = load_file(place.root / "build/base/model.safetensors")
    weights = load_file(place.root / "build/train/weights.safetensors")
    groups = files.read_json(place.root / "build/train/training.json")["groups"]
    assert any(group["trained"] for group in groups)
    frozen = [part for group in groups if not group["trained"] for part in group["name"].split("+")]
    alike = {
        name for name in weights.keys() & base.keys() if weights[name].shape == base[name].shape
    }
    moved = {name for name in alike if not torch.equal(base[name], weights[name])}
    assert moved
    assert frozen
    assert not {name for name in moved if any(name.startswith(f"{part}.") for part in frozen)}


def test_cached_trials_were_run_and_throughput_is_told(trained, capsys):
    """From the kept activations, and in images a second."""
    place, _ = trained
    assert any(trial["cached"] for trial in told(place, "search", "trial"))
    with capsys.disabled():
        for stage in ("search", "train"):
            speeds = [epoch["images_per_second"] for epoch in told(place, stage, "epoch")]
            print(f"\n{stage}: {statistics.median(speeds):,.0f} images/s, median of epochs")
        print(f"peak memory {torch.cuda.max_memory_allocated() / 2**20:,.0f} MiB")
