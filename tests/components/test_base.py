"""Weights come in whole, fit their architecture, and never run code."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import load_file, save_file

from components.base import PACKAGED
from components.frame import files
from components.frame.errors import UsageError
from components.model.weights.pin import start_pin
from components.model.weights.place import PACKAGES

PALACE = 698
"""Of ImageNet's 1,000 classes the one nearest to a temple."""
SHARED = Path(__file__).parents[2].parent / "shared" / "weights"


def take(place, **params):
    """Pin and take the weights that `params` ask for, as `thawline sync` and `base` would."""
    place.change("base", **params)
    asked = files.read_yaml(place.root / "params/base.yaml")
    files.write_yaml(place.root / "data" / "start.yaml", start_pin(known={}, **asked))
    return place.run("base")


def built(place):
    folder = place.root / "build" / "base"
    return load_file(folder / "model.safetensors"), files.read_json(folder / "config.json")


@pytest.mark.parametrize("architecture", ["auto", *list(PACKAGES)[1:]])
def test_packaged_weights_are_timms_own_layers_in_order(place, architecture):
    """They load strictly, and score what a network trained with them does."""
    assert take(place, architecture=architecture).code == 0
    state, config = built(place)
    name = "tf_efficientnet_lite0" if architecture == "auto" else architecture
    model = timm.create_model(name)
    model.load_state_dict(state, strict=True)
    assert config["architecture"] == name
    assert name.removeprefix("tf_").replace("_", "-") in config["source"]
    assert config["licence"] == "Apache-2.0"
    assert config["mean"] == config["std"] == [0.5, 0.5, 0.5]
    assert config["sha256"] == files.sha256(place.root / "build/base/model.safetensors")
    from sklearn.datasets import load_sample_image

    image = torch.tensor(load_sample_image("china.jpg")).permute(2, 0, 1)[None].float() / 255
    image = torch.nn.functional.interpolate(image, (256, 384), mode="area")
    with torch.no_grad():
        probabilities = model.eval()((image[:, :, 16:240, 80:304] - 0.5) / 0.5).softmax(1)[0]
    assert int(probabilities.argmax()) == PALACE


def test_local_file_states_what_it_is(place, tmp_path):
    """Architecture, arguments, mean and source from its own metadata."""
    model = timm.create_model(
        "test_resnet", num_classes=7, stem_width=24, avg_down=True, stem_type="deep"
    )
    path = tmp_path / "own.safetensors"
    made = "num_classes=7,stem_width=24,avg_down=True,stem_type=deep"
    stated = {"arch": "test_resnet", "mean": "(0.1, 0.2, 0.3)", "source": "mine"}
    stated["create_kwargs"] = made
    save_file(model.state_dict(), path, metadata=stated)
    assert take(place, source=str(path)).code == 0
    state, config = built(place)
    assert config["mean"] == [0.1, 0.2, 0.3]
    assert config["classes"] == 7
    assert config["arguments"] == {"stem_width": 24, "avg_down": True, "stem_type": "deep"}
    assert set(state) == set(model.state_dict())


def test_checkpoint_without_a_name_needs_one(place, tmp_path):
    """A .pth states no architecture."""
    path = tmp_path / "own.pth"
    torch.save(timm.create_model("test_resnet", num_classes=0).state_dict(), path)
    outcome = take(place, source=str(path))
    assert outcome.code == 2
    assert "base.architecture" in outcome.errors
    assert take(place, architecture="test_resnet").code == 0


def test_the_parameter_names_the_packages_that_there_are():
    """No other is refused, and none of them."""
    assert list(PACKAGED) == list(PACKAGES)


def test_no_package_has_the_weights_of_other_networks(place):
    """Those that there are, and where else to take it from, are named."""
    with pytest.raises(UsageError, match=r"tf_efficientnet_lite2 beside .*base\.source=hub"):
        take(place, architecture="tf_efficientnet_lite3")


def test_random_weights_depend_on_the_seed_alone(place):
    """Source `none`, for comparison."""
    hashes = []
    for seed in (0, 0, 1):
        assert take(place, source="none", architecture="test_resnet", seed=seed).code == 0
        hashes.append(built(place)[1]["sha256"])
    assert hashes[0] == hashes[1] != hashes[2]


class Payload:
    def __reduce__(self):
        return (os.system, (f"touch {self.marker}",))


def test_checkpoint_with_code_is_refused_and_not_run(place, tmp_path):
    """FAULTS 52: the marker is not created."""
    payload = Payload()
    Payload.marker = tmp_path / "ran"
    path = tmp_path / "evil.pth"
    path.write_bytes(pickle.dumps({"state_dict": payload}))
    outcome = take(place, source=str(path), architecture="test_resnet")
    assert outcome.code == 3
    assert not Payload.marker.exists()


@pytest.mark.parametrize("fault", ["truncated", "text", "architecture", "hash"])
def test_wrong_weights_are_refused(place, tmp_path, fault):
    """FAULTS 51: cut short, no weights, another network's, or changed since they were pinned."""
    path = tmp_path / "own.safetensors"
    save_file(timm.create_model("test_resnet").state_dict(), path, metadata={"arch": "test_resnet"})
    if fault == "truncated":
        path.write_bytes(path.read_bytes()[:5000])
    if fault == "text":
        path.write_text("not weights")
    if fault == "architecture":
        save_file(
            timm.create_model("test_vit").state_dict(), path, metadata={"arch": "test_resnet"}
        )
    outcome = take(place, source=str(path))
    if fault == "hash":
        save_file({"a": torch.ones(1)}, path)
        outcome = place.run("base")
    assert outcome.code == 3
    assert "Traceback" not in outcome.errors


def test_unknown_architecture_names_near_ones(place):
    """FAULTS 46."""
    outcome = take(place, source="none", architecture="efficientnet_lite9")
    assert outcome.code == 2
    assert "efficientnet_lite" in outcome.errors.split("Near are:")[1]


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("mobilenetv2_035", "mobilenetv2_035"),
        ("mobilenetv2_100", "mobilenetv2_100"),
        ("vit_small_patch14", "vit_small_patch14_dinov2"),
    ],
)
@pytest.mark.skipif(not SHARED.is_dir(), reason="the weights to try with are not here")
def test_real_files_are_taken(place, file, name):
    """Whole, with their arguments."""
    assert take(place, source=str(SHARED / f"{file}.safetensors")).code == 0
    state, config = built(place)
    assert config["architecture"] == name
    model = timm.create_model(name, num_classes=config["classes"], **config["arguments"])
    model.load_state_dict(state, strict=True)


def test_a_pin_is_made_without_torch():
    """`thawline run` compares it before anything heavy is imported."""
    code = (
        "import sys; import components.model.weights.pin; "
        "print([m for m in ('torch', 'timm', 'huggingface_hub') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_trainers_checkpoint_is_taken_and_what_was_done_is_said(place, tmp_path):
    """Its weights alone, each in a storage of its own, and its classifier is replaced."""
    state = timm.create_model("test_resnet", num_classes=5).state_dict()
    shared = torch.rand(2**18)
    for name, value in state.items():
        if value.is_floating_point():
            state[name] = shared[: value.numel()].view(value.shape)
    path = tmp_path / "checkpoint-3.pth.tar"
    torch.save({"epoch": 3, "state_dict": {f"module.{k}": v for k, v in state.items()}}, path)
    outcome = take(place, source=str(path), architecture="test_resnet")
    assert outcome.code == 0, outcome.errors
    found, config = built(place)
    assert all(torch.equal(found[name], value) for name, value in state.items())
    assert config["classes"] == 5
    assert "`module.` is taken off" in outcome.output
    assert "its classifier of 5 outputs gives way to a new one" in outcome.output
