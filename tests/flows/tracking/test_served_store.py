"""The pages of the local store, and the actions through a server."""

import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

from flows.tracking import stores

STRANGER = {"Host": "elsewhere.example"}
ROOT = Path(__file__).parents[3]


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextmanager
def serving(project):
    """`thawline ui` on a project's store, until the block ends."""
    port = free_port()
    command = [sys.executable, "-m", "flows.cli", "ui", "--port", str(port)]
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    process = subprocess.Popen(
        command,
        cwd=project.root,
        env={"PATH": path, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    where = f"http://127.0.0.1:{port}"
    try:
        wait_for(f"{where}/health")
        yield where
    finally:
        import psutil

        family = [*psutil.Process(process.pid).children(recursive=True), process]
        for one in family:
            one.terminate()
        process.wait(timeout=30)


def wait_for(url: str) -> None:
    until = time.monotonic() + 300
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310  # http
                return
        except (urllib.error.URLError, ConnectionError):
            assert time.monotonic() < until
            time.sleep(0.3)


@pytest.mark.slow
def test_the_pages_show_the_local_store_and_take_the_actions(project, perform, monkeypatch):
    """The served store is the same; every action works through it; the host is this machine."""
    perform("publish")
    local = stores.store_identity(project)
    with serving(project) as where:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", where)
        assert stores.store_identity(project) == local
        sentences = perform("publish", "register", "judge", "promote", "publish")
        assert sentences[0].startswith("The run is in MLflow already")
        assert sentences[1] == "Registered thawline version 1."
        assert sentences[3] == "thawline version 1 is the champion now (verdict)."
        request = urllib.request.Request(f"{where}/", headers=STRANGER)  # noqa: S310  # http
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(request)  # noqa: S310  # http
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert perform("register")[0] == "This model is thawline version 1 already."


@pytest.mark.slow
def test_a_store_that_only_a_server_knows_gets_everything(project, perform, monkeypatch, tmp_path):
    """Runs and models travel over HTTP, artifacts included; they come back whole for the judge."""
    from flows.project import Project

    remote = Project(tmp_path / "server")
    remote.mlflow.mkdir(parents=True)
    shutil.copy(project.root / "dvc.yaml", remote.root)
    shutil.copytree(project.params, remote.params)
    with serving(remote) as where:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", where)
        perform("publish", "register", "judge", "promote")
        assert perform("publish")[0].startswith("The run is in MLflow already")
    assert list(remote.mlflow.rglob("weights.safetensors"))
    assert not (project.mlflow / "artifacts").exists()
