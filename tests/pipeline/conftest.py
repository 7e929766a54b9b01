"""A clone of the project with small real images, and one whole run that many tests look at."""

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import psutil
import pytest
from sklearn.datasets import load_digits

from components.frame import events, files

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
CLASSES, EACH = 4, 40
SMALL = {
    "augment": {"horizontal_flip": False},
    "search": {"max_trials": 4, "epochs": 2, "batch_size": 16, "folds": 1},
    "train": {"epochs": 3, "fallback": "none"},
}
"""As small as can be while every part still has something to do."""
LIMIT = 900
"""Seconds after which a run has hung."""


@dataclass(frozen=True)
class Done:
    code: int
    output: str


class Clone:
    """A fresh clone in a folder of its own, as a user has it."""

    extra: dict[str, str] = {}  # noqa: RUF012  # of the environment; replaced, never changed

    def __init__(self, root: Path, images: Path) -> None:
        self.root = root
        listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", ":!dvc.lock"]
        names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for name in names.splitlines():
            if (ROOT / name).is_file():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, root / name)
        for name, values in (SMALL | {"ingest": {"source": str(images)}}).items():
            self.change(name, **values)
        self.git("init", "-q")
        self.git("add", "-A")
        self.git("-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "start")

    def change(self, name: str, **values: object) -> None:
        path = self.root / "params" / f"{name}.yaml"
        files.write_yaml(path, {**files.read_yaml(path), **values})

    def git(self, *words: str) -> None:
        subprocess.run(["git", *words], cwd=self.root, check=True)

    def start(self, *command: str) -> "subprocess.Popen[str]":
        environment = {
            **os.environ,
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "PYTHONDONTWRITEBYTECODE": "",
            "DVC_NO_ANALYTICS": "1",
            "OMP_WAIT_POLICY": "PASSIVE",
        }
        for name in ("MLFLOW_TRACKING_URI", "PREFECT_API_URL", "PREFECT_HOME", "CI"):
            environment.pop(name, None)
        environment |= self.extra
        return subprocess.Popen(
            command,
            cwd=self.root,
            env=environment,
            text=True,
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def call(self, *command: str) -> Done:
        process = self.start(*command)
        output, _ = process.communicate(timeout=LIMIT)
        return Done(process.returncode, output)

    def run(self, *words: str) -> Done:
        return self.call("thawline", "run", *words)

    def stale(self) -> set[str]:
        done = self.call("dvc", "status", "--json")
        assert done.code == 0, done.output
        return set(files.json.loads(done.output))

    def kill_everything(self) -> None:
        """What a power cut does: every process that works in this folder is gone at once."""
        for process in list(psutil.process_iter()):
            try:
                if process.pid != os.getpid() and Path(process.cwd()).is_relative_to(self.root):
                    process.send_signal(signal.SIGKILL)
            except (psutil.Error, OSError):
                continue

    def run_until(self, reached, *command: str) -> None:
        """Start a run, or another command, and cut the power as soon as `reached()` is true."""
        process = self.start(*(command or ("thawline", "run")))
        ends = time.monotonic() + LIMIT
        while not reached():
            assert process.poll() is None, process.stdout.read()
            assert time.monotonic() < ends
            time.sleep(0.02)
        self.kill_everything()
        process.wait()
        process.stdout.close()

    def events(self, stage: str, kind: str) -> list[dict]:
        """What all runs of a stage told, in whatever state its inputs were."""
        logs = sorted((self.root / ".thawline" / "work" / stage).glob("*/events.jsonl"))
        return [event for log in logs for event in events.read(log) if event["kind"] == kind]

    def read(self, path: str):
        path = self.root / path
        return files.read_json(path) if path.suffix == ".json" else files.read_yaml(path)

    @property
    def lock(self) -> bytes:
        return (self.root / "dvc.lock").read_bytes()


@pytest.fixture(scope="session")
def digits(tmp_path_factory):
    """A folder of handwritten digits: 4 classes of 40 images."""
    folder = tmp_path_factory.mktemp("digits")
    found = load_digits()
    for label in range(CLASSES):
        (folder / str(label)).mkdir()
        chosen = found.images[found.target == label][:EACH]
        for number, image in enumerate(chosen):
            cv2.imwrite(str(folder / str(label) / f"{number:02}.png"), (image * 15).astype("uint8"))
    return folder


@pytest.fixture(scope="session")
def make_clone(tmp_path_factory, digits):
    return lambda name: Clone(tmp_path_factory.mktemp(name) / "project", digits)


@pytest.fixture(scope="session")
def reference(make_clone):
    """A clone in which `thawline run` was called once, undisturbed."""
    clone = make_clone("reference")
    done = clone.run()
    assert done.code == 0, done.output
    clone.screen, clone.first_lock = done.output, clone.lock
    return clone


@pytest.fixture
def copy(reference, tmp_path):
    """A copy of what the undisturbed run built, to be changed."""
    clone = object.__new__(Clone)
    clone.root = tmp_path / "copy"
    shutil.copytree(reference.root, clone.root, symlinks=True)
    for name in (".thawline", "mlflow/mlflow.db", "mlflow/artifacts"):
        path = clone.root / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return clone
