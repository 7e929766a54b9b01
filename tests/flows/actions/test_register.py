"""The trained model becomes a registered version, once, which runs without this repository."""

import base64
import json
import shutil
import socket
import struct
import subprocess
import sys
import zlib
from importlib.metadata import version
from pathlib import Path

import pytest
from mlflow import MlflowClient

from components.frame import files
from components.frame.errors import DataError, UsageError
from flows.actions.publish import PublishParams, publish
from flows.actions.register import RegisterParams, register
from flows.records import identity, ledger
from flows.registry import machine, packing
from flows.tracking import stores

PARAMS = RegisterParams(name="thawline")
HERE = Path(__file__).parent
ROOT = HERE.parents[2]


def client(project) -> MlflowClient:
    return MlflowClient(stores.address(project))


def folder_of(project) -> Path:
    (found,) = project.mlflow.glob("artifacts/models/*/artifacts")
    return found


@pytest.fixture
def published(project):
    publish(project, PublishParams(experiment="thawline"))
    return project


def png(width: int, height: int) -> bytes:
    """A valid header of an image of any size, and very little behind it."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(1000))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


def split_body(*contents: object) -> str:
    data = [[base64.b64encode(c).decode() if isinstance(c, bytes) else c] for c in contents]
    return json.dumps({"dataframe_split": {"columns": ["image"], "data": data}})


@pytest.fixture(scope="module")
def served(seen, tmp_path_factory):
    """The model, copied elsewhere and asked in a clean process."""
    place = tmp_path_factory.mktemp("elsewhere")
    shutil.copytree(folder_of(seen), place / "model")
    image = (seen.data / "raw/red/test-00.png").read_bytes()
    bodies = {
        "good": split_body(image),
        "records": json.dumps({"dataframe_records": [{"image": base64.b64encode(image).decode()}]}),
        "no JSON": "{",
        "text as image": split_body(b"<html>no image</html>"),
        "no base64": split_body("hello world, this is text"),
        "null": split_body(None),
        "number": split_body(7),
        "empty batch": split_body(),
        "empty image": split_body(b""),
        "cut image": split_body(image[: len(image) // 2]),
        "bomb": split_body(png(20_000, 20_000)),
        "large": split_body(png(8_100, 8_100)),
        "comment": split_body(b"P6\n#" + b"x" * 1_100_000 + b"\n8 8\n255\n" + bytes(192)),
        "other column": json.dumps({"dataframe_split": {"columns": ["image"], "data": [["aa"]]}}),
        "inputs": json.dumps({"inputs": {"image": [base64.b64encode(image).decode()]}}),
    }
    images = sorted(str(path) for path in (seen.data / "raw").rglob("test-*.png"))[:20]
    requests = place / "requests.json"
    files.write_json(requests, {"images": images, "bodies": list(bodies.values())})
    command = [sys.executable, "-I", HERE / "served.py", place / "model", requests]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout.splitlines()[-1])
    return answer | {
        "bad": dict(zip(bodies, answer["bad"], strict=True)),
        "images": images,
        "place": str(place),
    }


def test_it_runs_without_thawline(served):
    """Nothing of this repository is importable there but the model's own copy."""
    assert served["installed"] == []
    assert served["components"].startswith(served["place"])


def test_it_answers_as_the_network_does(seen, served):
    """The probabilities of 20 images are those of the network, the pixels equal to the bit."""
    import hashlib

    import numpy as np
    import torch
    from safetensors.torch import load_file

    from components.data.images import decoder
    from components.data.images.transform import Transform
    from components.model import backbone
    from components.model.description import NetworkDescription

    network = NetworkDescription.read(seen.build / "train" / "network.json")
    state, classes = (
        load_file(seen.build / "train" / "weights.safetensors"),
        network.task["classes"],
    )
    model = backbone.trained(network, state, len(classes), network.transform["size"])
    transform = Transform.from_dict(network.transform)
    batch = np.concatenate([transform(decoder.read(Path(path))) for path in served["images"]])
    with torch.inference_mode():
        expected = model(torch.from_numpy(batch)).softmax(1).numpy()

    assert [hashlib.sha256(one.tobytes()).hexdigest() for one in batch] == served["pixels"]
    found = np.array([served["answers"][f"probability_{name}"] for name in classes]).T
    assert np.abs(found - expected).max() < 1e-6
    assert served["answers"]["class"] == [classes[i] for i in expected.argmax(1)]


@pytest.mark.parametrize("body", ["good", "records"])
def test_base64_images_are_answered(served, body):
    """JSON with a base64 image gives a class and a probability for each class."""
    status, text, _ = served["bad"][body]
    (row,) = json.loads(text)["predictions"]
    assert status == 200
    assert list(row) == ["class", "probability_blue", "probability_green", "probability_red"]
    assert sum(value for key, value in row.items() if key != "class") == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("no JSON", "valid JSON"),
        ("text as image", "Image 0 cannot be read (no-image"),
        ("no base64", "image"),
        ("null", "image"),
        ("number", "image"),
        ("empty batch", "At least one image must be sent, but the batch is empty."),
        ("empty image", "Image 0 cannot be read (empty"),
        ("cut image", "Image 0 cannot be read (damaged"),
        ("bomb", "Image 0 cannot be read (too-large"),
        ("large", "8100 x 8100 pixels, over 65,000,000"),
        ("comment", "Image 0 cannot be read (too-costly"),
        ("other column", "image"),
        ("inputs", "Image 0"),
    ],
)
def test_bad_requests_are_told_what_is_wrong(served, body, sentence):
    """A fault of the caller is a 4xx with one sentence, no traceback, and little memory."""
    status, text, megabytes = served["bad"][body]
    assert 400 <= status < 500, text
    assert sentence in text
    assert "Traceback" not in text
    assert megabytes < 150


def test_it_is_one_version_with_everything_it_is_made_of(seen):
    """Digest, run, data, commit and description; the alias `challenger`."""
    (version,) = client(seen).search_model_versions("name = 'thawline'")
    assert version.tags["thawline.model"] == identity.model_digest(seen)
    assert version.tags["thawline.run"] == identity.run_key(seen)
    assert version.tags["thawline.data"] == "cd" * 32
    assert version.tags["thawline.base.licence"] == "Apache-2.0"
    assert "thawline.git" in version.tags
    assert "test accuracy" in version.description
    alias = client(seen).get_model_version_by_alias("thawline", "challenger")
    assert alias.version == version.version
    run = client(seen).get_run(version.run_id)
    assert run.data.tags["thawline.run"] == identity.run_key(seen)
    assert len(run.outputs.model_outputs) == 1


def test_it_carries_what_it_can_be_built_again_from(seen):
    """Lock, stages, parameters, pins and the split lie in the model, unchanged."""
    for name in (
        "dvc.lock",
        "dvc.yaml",
        "params/search.yaml",
        "data/source.yaml",
        "data/start.yaml",
    ):
        kept = folder_of(seen) / "lineage" / name
        assert kept.read_bytes() == (seen.root / name).read_bytes()
    split = folder_of(seen) / "lineage" / "data" / "splits.parquet"
    assert split.read_bytes() == (seen.build / "split" / "splits.parquet").read_bytes()


def test_it_says_on_what_kind_of_machine_it_was_made(seen):
    """Processor and packages, since the bits depend on them; no name of the machine."""
    told = files.read_json(folder_of(seen) / "lineage" / "machine.json")
    assert told == machine.describe()
    assert told["torch"] == version("torch")
    assert socket.gethostname() not in told.values()


def test_its_requirements_are_pinned_and_enough(seen):
    """Every package that is imported when the model is loaded or asked is named."""
    import ast

    wanted = (folder_of(seen) / "requirements.txt").read_text().split()
    assert all("==" in line for line in wanted)
    named = {line.partition("==")[0] for line in wanted}
    modules = {"cv2": "opencv-python-headless", "PIL": "pillow"}
    for path in folder_of(seen).rglob("*.py"):
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree) if path.name == "served_model.py" else tree.body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                top = name.partition(".")[0]
                own = top == "components" or top in sys.stdlib_module_names
                assert own or modules.get(top, top) in named, (path, name)


def test_it_holds_no_pickle_and_no_path_of_this_machine(seen):
    """Code as source, weights as safetensors; nothing tells where it was seen."""
    names = packing.contents(folder_of(seen))
    assert not [name for name in names if name.endswith((".pkl", ".pickle", ".pt", ".pyc", ".bin"))]
    text = (folder_of(seen) / "MLmodel").read_text()
    assert str(ROOT) not in text
    assert "build/train" not in text


def test_registering_twice_makes_one_version(published):
    """The same model is found again, also when another run made it."""
    first = register(published, PARAMS)
    files.write_text(published.lock, "schema: '2.0'\n")
    publish(published, PublishParams(experiment="thawline"))
    second = register(published, PARAMS)

    assert first.changed
    assert not second.changed
    assert second.version == first.version == 1
    assert len(ledger.read(published, "registered")) == 1
    assert len(list(published.mlflow.glob("artifacts/models/*"))) == 1


def test_another_model_is_another_version(published):
    """New class names or another preprocessing make a new version, as new weights do."""
    register(published, PARAMS)
    path = published.build / "train" / "network.json"
    network = files.read_json(path)
    files.write_json(path, network | {"transform": network["transform"] | {"resize": 40}})

    assert register(published, PARAMS).version == 2
    alias = client(published).get_model_version_by_alias("thawline", "challenger")
    assert int(alias.version) == 2


def test_a_note_in_the_network_makes_no_other_model(published):
    """What does not change an answer does not change the digest."""
    register(published, PARAMS)
    path = published.build / "train" / "network.json"
    files.write_json(path, files.read_json(path) | {"learning_rate": 0.5})
    assert not register(published, PARAMS).changed


def test_an_upload_cut_short_never_becomes_a_version(published, monkeypatch):
    """A file that did not arrive whole leaves no version and no alias; the next try starts anew."""
    send = MlflowClient.log_model_artifacts

    def cut(self, model, folder, *args):
        weights = Path(folder) / "artifacts" / "weights.safetensors"
        weights.write_bytes(weights.read_bytes()[:1000])
        sent = send(self, model, folder, *args)
        shutil.copy(published.build / "train" / "weights.safetensors", weights)
        return sent

    monkeypatch.setattr(MlflowClient, "log_model_artifacts", cut)
    from components.frame.errors import UnreachableError

    with pytest.raises(UnreachableError, match="did not arrive whole"):
        register(published, PARAMS)
    assert client(published).search_model_versions() == []
    monkeypatch.undo()
    assert register(published, PARAMS).version == 1


@pytest.mark.parametrize("every", [7, pytest.param(1, marks=pytest.mark.slow)])
def test_killed_anywhere_it_ends_the_same(published, tmp_path, every):
    """SIGKILL before or after any write, then once more: one version, one model, one champion."""
    script, names = HERE / "killed.py", "register,judge,promote"
    done = subprocess.run(
        [sys.executable, script, names, published.root, tmp_path / "killed", str(every)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    whole, *others = done.stdout.splitlines()
    assert len(others) >= 2
    for other in others:
        assert json.loads(other) == json.loads(whole)


def test_a_run_must_be_published_first(project):
    """A version names its run; the error says how to get one."""
    with pytest.raises(UsageError, match="thawline publish"):
        register(project, PARAMS)


def test_only_what_is_needed_of_the_code_is_packed(seen):
    """Reader, transform and network go along; training, search and stages do not."""
    packed = {path for path in packing.contents(folder_of(seen)) if path.startswith("code/")}
    assert "code/components/data/images/decoder.py" in packed
    assert "code/components/model/backbone.py" in packed
    kept_out = ("training", "flows", "evaluation", "figures", "features", "study")
    assert not [path for path in packed if any(name in path for name in kept_out)]


@pytest.mark.parametrize(
    ("said", "instead"),
    [
        ("mlflow.pyfunc.loaders.code_model", "os"),
        ("path: artifacts/weights.safetensors", "path: other.safetensors"),
        ("path: artifacts/network.json", "path: lineage/network.json"),
    ],
)
def test_a_hostile_folder_is_refused_before_it_is_loaded(seen, tmp_path, said, instead):
    """A model that asks for another loader, or for files that nobody checked, is not ours."""
    shutil.copytree(folder_of(seen), tmp_path / "model")
    packing.check(tmp_path / "model")
    path = tmp_path / "model" / "MLmodel"
    path.write_text(path.read_text().replace(said, instead))
    with pytest.raises(DataError, match="as Thawline packs it"):
        packing.check(tmp_path / "model")
