"""Files that are no weights, or more than weights: refused, and nothing in them is run."""

import os
import pickle
import struct
import zipfile

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file

from components.frame.errors import DataError, UsageError
from components.model.weights.file import read
from components.model.weights.local import local

NAME = "test_resnet"


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return timm.create_model(NAME, num_classes=5)


class Payload:
    """Runs a command where it is unpickled."""

    def __reduce__(self):
        return (os.system, ("touch ran",))


def header(text: str, length: int | None = None) -> bytes:
    return struct.pack("<Q", len(text) if length is None else length) + text.encode()


def packed(path, model):
    """As torch writes it, but compressed, so that its size says nothing."""
    torch.save(model.state_dict(), path)
    with zipfile.ZipFile(path) as archive:
        entries = {one.filename: archive.read(one) for one in archive.infolist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)


def cut(path, model, **how):
    torch.save(model.state_dict(), path, **how)
    path.write_bytes(path.read_bytes()[:9000])


def scripted(path, model):
    traced = torch.jit.trace(model.eval(), torch.zeros(1, 3, 32, 32))
    torch.jit.save(traced, str(path))


LYING = '{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,99999999]}}'
HUGE = '{"a":{"dtype":"F32","shape":[9223372036854775807,8],"data_offsets":[0,8]}}'
BAD = {
    "empty": (lambda path, _: path.write_bytes(b""), "damaged"),
    "text": (lambda path, _: path.write_text("<!DOCTYPE html>"), "damaged"),
    "pointer": (lambda path, _: path.write_text("version https://git-lfs..."), "git lfs pull"),
    "payload": (lambda path, _: path.write_bytes(pickle.dumps({"a": Payload()})), "holds code"),
    "packed payload": (lambda path, _: torch.save({"a": Payload()}, path), "posix.system"),
    "module": (lambda path, model: torch.save(model, path), "model.state_dict()"),
    "number": (lambda path, _: torch.save({"best": np.float64(1)}, path), "numpy"),
    "script": (scripted, "as torch.save writes them"),
    "cut": (cut, "damaged"),
    "cut, old": (
        lambda path, model: cut(path, model, _use_new_zipfile_serialization=False),
        "damaged",
    ),
    "compressed": (packed, "when unpacked"),
    "long header": (lambda path, _: path.write_bytes(header("{}", 99_000_000)), "99,000,000"),
    "endless header": (lambda path, _: path.write_bytes(header("{}", 2**63)), "header must be"),
    "lying offsets": (lambda path, _: path.write_bytes(header(LYING)), "offset"),
    "lying shape": (lambda path, _: path.write_bytes(header(HUGE) + bytes(8)), "overflow"),
}


@pytest.mark.filterwarnings("ignore:`torch.jit:FutureWarning")
@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
@pytest.mark.parametrize("name", ["own.pth", "own.safetensors"])
@pytest.mark.parametrize("kind", BAD)
def test_a_file_that_is_no_weights_is_refused(tmp_path, monkeypatch, model, kind, name):
    """By what it holds, whatever it is called; its payload leaves no trace."""
    monkeypatch.chdir(tmp_path)
    make, told = BAD[kind]
    make(tmp_path / name, model)
    with pytest.raises(DataError) as caught:
        read(tmp_path / name)
    assert told in str(caught.value)
    assert not (tmp_path / "ran").exists()


def test_a_name_says_nothing_of_what_a_file_holds(tmp_path, model):
    """Safetensors called .pth, and a checkpoint called .safetensors."""
    save_file(model.state_dict(), tmp_path / "a.pth", metadata={"arch": NAME})
    torch.save(model.state_dict(), tmp_path / "b.safetensors")
    assert local(str(tmp_path / "a.pth"), "auto").architecture == NAME
    assert local(str(tmp_path / "b.safetensors"), NAME).state.keys() == model.state_dict().keys()


def test_folders_pipes_and_links_to_nothing_are_no_files(tmp_path):
    """And a pipe is not waited for."""
    (tmp_path / "folder.pth").mkdir()
    (tmp_path / "link.pth").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe.pth")
    for name in ("folder.pth", "link.pth", "pipe.pth"):
        with pytest.raises(UsageError, match="existing file of weights"):
            local(str(tmp_path / name), NAME)


TENSORS = {
    "nan": lambda value: value.fill_(torch.nan),
    "infinite": lambda value: value.fill_(torch.inf),
    "8 bits": lambda value: value.to(torch.float8_e4m3fn),
    "sparse": lambda value: value.to_sparse(),
    "without numbers": lambda value: value.to("meta"),
    "one number many times": lambda value: torch.zeros(1).expand(value.shape),
    "overflowing": lambda value: value.fill_(1e38),
}


@pytest.mark.parametrize("kind", TENSORS)
def test_tensors_that_cannot_be_computed_with_are_refused(tmp_path, model, kind):
    """Before anything is allocated for them."""
    state = {name: value.clone() for name, value in model.state_dict().items()}
    first = next(iter(state))
    state[first] = TENSORS[kind](state[first])
    torch.save(state, tmp_path / "own.pth")
    with pytest.raises(DataError, match=r"finite numbers|plain tensors|must answer"):
        local(str(tmp_path / "own.pth"), NAME).describe("")


def test_a_variance_below_zero_is_refused(tmp_path, model):
    """It makes NaN of every image, though it is a number itself."""
    state = dict(model.state_dict())
    name = next(name for name in state if name.endswith("running_var"))
    state[name] = -torch.ones_like(state[name])
    torch.save(state, tmp_path / "own.pth")
    with pytest.raises(DataError, match="answers an image with no number"):
        local(str(tmp_path / "own.pth"), NAME).describe("")


@pytest.mark.parametrize(
    ("stated", "told"),
    [
        ({"create_kwargs": "pretrained=True"}, "pretrained=True"),
        ({"create_kwargs": "checkpoint_path=/etc/passwd"}, "checkpoint_path="),
        ({"create_kwargs": "features_only=True"}, "features_only=True"),
        ({"create_kwargs": "in_chans=1"}, "in_chans=1"),
        ({"create_kwargs": "device=cuda"}, "device='cuda'"),
        ({"create_kwargs": "no_such_argument=3"}, "no_such_argument=3"),
        ({"create_kwargs": "stem_width=[1]"}, "stem_width=[1]"),
        ({"create_kwargs": "stem_width=100000000"}, "numbers up to 4,096"),
        ({"create_kwargs": "stem_width=" + "(" * 10_000}, "numbers up to 4,096"),
        ({"create_kwargs": "stem_width"}, "numbers up to 4,096"),
        ({"create_kwargs": "cardinality=0"}, "must take the arguments"),
        ({"create_kwargs": "norm_layer=none"}, "must take the arguments"),
        ({"std": "(0.5, 0, 0.5)"}, "std must be 3 numbers from 0.00391 to 1"),
        ({"std": "(1e-30, 1, 1)"}, "std must be 3 numbers"),
        ({"mean": "(0.5, 0.5)"}, "mean must be 3 numbers from 0 to 1"),
        ({"mean": "(127, 127, 127)"}, "mean must be 3 numbers"),
        ({"mean": "[NaN, 0, 0]"}, "mean must be 3 numbers"),
        ({"mean": f"[{'9' * 400}, 0, 0]"}, "mean must be 3 numbers"),
        ({"mean": "[true, 0, 0]"}, "mean must be 3 numbers"),
        ({"mean": "[" * 100_000}, "mean must be 3 numbers"),
        ({"mean": '{"a": 1}'}, "mean must be 3 numbers"),
        ({"arch": "resnet_of_mine"}, "arch must be a model of timm"),
        ({"arch": "hf-hub:some/model"}, "arch must be a model of timm"),
        ({"source": "two\nlines"}, "source must be one line"),
        ({"licence": "x" * 501}, "licence must be one line"),
    ],
)
def test_what_a_file_states_of_itself_is_checked(tmp_path, model, stated, told):
    """It opens no other file, goes to no network, and can be computed with; briefly told."""
    path = tmp_path / "own.safetensors"
    save_file(model.state_dict(), path, metadata={"arch": NAME, **stated})
    with pytest.raises(DataError) as caught:
        local(str(path), "auto")
    assert told in str(caught.value)
    assert len(str(caught.value)) < 700
