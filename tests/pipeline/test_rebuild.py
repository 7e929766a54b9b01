"""A registered version is built again, to the bit, in a clone with nothing but a DVC remote."""

import hashlib
import shutil
import subprocess

import pytest

from components.frame import files

TINY = {
    "base": {"source": "none", "architecture": "test_efficientnet"},
    "augment": {"image_size": 32},
    "search": {"max_trials": 1, "folds": 1},
}
"""A network that trains in a second: what is built again is the line."""
WEIGHTS = "build/train/weights.safetensors"
REBUILD = ("thawline", "rebuild", "--version", "1")


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def original(make_clone, digits, tmp_path_factory):
    """A project that ran once, with a parameter nobody committed; its images' folder is gone."""
    place = tmp_path_factory.mktemp("world")
    shutil.copytree(digits, place / "images")
    clone = make_clone("original")
    for stage, values in (TINY | {"ingest": {"source": str(place / "images")}}).items():
        clone.change(stage, **values)
    settings = clone.call("dvc", "remote", "add", "--default", "folder", str(place / "remote"))
    assert settings.code == 0, settings.output
    clone.git("add", "-A")
    clone.git("-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "where all lies")
    done = clone.run("--set", "train.epochs=2")
    assert done.code == 0, done.output
    shutil.rmtree(place / "images")
    clone.remote = place / "remote"
    return clone


@pytest.fixture
def fresh(original, tmp_path):
    """A fresh git clone, which knows where the models are registered."""
    clone = object.__new__(type(original))
    clone.root = tmp_path / "confirmation"
    subprocess.run(["git", "clone", "-q", original.root, clone.root], check=True)
    clone.extra = {"MLFLOW_TRACKING_URI": f"sqlite:///{original.root}/mlflow/mlflow.db"}
    return clone


def stored(clone, output):
    """Where the remote holds an output."""
    stages = files.read_yaml(clone.root / "dvc.lock")["stages"]
    (md5,) = [
        out["md5"]
        for entry in stages.values()
        for out in entry.get("outs", [])
        if out["path"] == output
    ]
    return clone.remote / "files/md5" / md5[:2] / md5[2:]


@pytest.mark.slow
def test_rebuilt_to_the_bit_from_git_and_the_remote(original, fresh):
    """Killed while it trains and called again: weights, lock, parameters equal; nothing else came.

    That nothing else came shows in a remote that lost the weights, and every trial in the events.
    """
    stored(original, WEIGHTS).unlink()
    for gone in ("build", "data/raw", ".dvc/cache", "dvc.lock"):
        assert not (fresh.root / gone).exists()
    process = fresh.start(*REBUILD)
    while not fresh.events("search", "trial"):
        assert process.poll() is None, process.stdout.read()
    fresh.kill_everything()
    process.wait()
    process.stdout.close()

    done = fresh.call(*REBUILD)
    assert done.code == 0, done.output
    last = done.output.splitlines()[-1]
    assert last.startswith("equal: ")
    assert last.endswith(f"SHA-256 {sha256(original.root / WEIGHTS)}")
    assert (fresh.root / WEIGHTS).read_bytes() == (original.root / WEIGHTS).read_bytes()
    assert fresh.lock == original.lock
    assert fresh.read("params/train.yaml") == original.read("params/train.yaml")
    assert len(fresh.events("search", "trial")) == len(original.events("search", "trial"))
    assert len(fresh.events("train", "epoch")) == 2
    assert fresh.stale() == set()

    again = fresh.call(*REBUILD)
    assert again.code == 2, again.output
    assert "fresh clone" in again.output


@pytest.mark.slow
def test_other_images_in_the_remote_are_told(original, fresh):
    """Exit code 3: DVC itself takes what lies under the right name."""
    listed = files.json.loads(stored(original, "data/raw").read_bytes())
    first, second = (
        next(one for one in listed if one["relpath"].startswith(name)) for name in ("0/", "1/")
    )
    kept, other = (
        original.remote / "files/md5" / one["md5"][:2] / one["md5"][2:] for one in (first, second)
    )
    kept.chmod(0o644)
    kept.write_bytes(other.read_bytes())
    done = fresh.call(*REBUILD)
    assert done.code == 3, done.output
    assert f"data/raw/{first['relpath']} is another file" in done.output
    assert "Traceback" not in done.output
