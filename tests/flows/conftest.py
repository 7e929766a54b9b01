"""A small project with the true orchestration around it: three stages that take milliseconds."""

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from stage_outputs import (  # noqa: F401  # fixtures
    answers,
    empty_store,
    first,
    perform,
    project,
    rebuild,
    seen,
    template,
)

from components.frame import versions
from flows import proxies
from flows.actions import action, pending, sync
from flows.project import Project, environment
from flows.runtime import prefect_server
from flows.tracking import schema

ROOT = Path(__file__).parents[2]
PIPELINE = """\
stages:
  split:
    cmd: python split.py
    deps: [split.py, build/ingest/images.txt, build/base/weights.txt]
    params: [{params/split.yaml: }]
    outs: [build/split]
    meta: {retries: 1, retry_delay_seconds: 0, timeout_minutes: 1}
  ingest:
    cmd: python ingest.py
    deps: [ingest.py, data/source.yaml]
    params: [{params/ingest.yaml: }]
    outs: [build/ingest/images.txt]
  base:
    cmd: python base.py
    deps: [base.py, data/start.yaml]
    params: [{params/base.yaml: }]
    outs: [build/base/weights.txt]
"""
INGEST = """\
from pathlib import Path
print("the images come in")
Path("build/ingest").mkdir(parents=True, exist_ok=True)
Path("build/ingest/images.txt").write_text(Path("data/source.yaml").read_text())
"""
BASE = """\
from pathlib import Path
Path("build/base").mkdir(parents=True, exist_ok=True)
Path("build/base/weights.txt").write_text(Path("data/start.yaml").read_text())
"""
SPLIT = """\
import os, sys, time
from pathlib import Path
order = Path("order")
if order.exists():
    word, number = order.read_text().split()
    if word == "once":
        order.unlink()
    if word == "sleep":
        Path("asleep").write_text(str(os.getpid()))
        try:
            time.sleep(float(number))
        except KeyboardInterrupt:
            sys.exit(130)
    elif word == "kill":
        order.unlink()
        os.kill(os.getpid(), int(number))
    else:
        print("error: split: the rule, the value, the remedy", file=sys.stderr)
        sys.exit(int(number))
Path("build/split").mkdir(parents=True, exist_ok=True)
Path("build/split/splits.txt").write_text("all\\n")
print("split is done")
"""


def make_toy(root):
    for folder in (".dvc", "data", "params", "components"):
        (root / folder).mkdir(parents=True)
    copied = (".dvc/config", ".dvc/.gitignore", ".dvcignore", ".gitignore")
    for name in (*copied, versions.LOCKED):
        shutil.copy(ROOT / name, root / name)
    for name in ("ingest", "base", "split", "publish", "register"):
        shutil.copy(ROOT / "params" / f"{name}.yaml", root / "params")
    (root / "dvc.yaml").write_text(PIPELINE)
    for name, code in (("ingest", INGEST), ("base", BASE), ("split", SPLIT)):
        (root / f"{name}.py").write_text(code)
    (root / "data" / "source.yaml").write_text("sha256: '0'\n")
    (root / "data" / "start.yaml").write_text("source: none\n")
    subprocess.run(["git", "init", "--quiet", root], check=True)
    return Project(root)


@pytest.fixture
def _plain(monkeypatch, tmp_path):
    """No setting of whoever runs the tests reaches what they start."""
    for name in list(os.environ):
        if name.startswith(("PREFECT_", "DVC_", "MLFLOW_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "dvc"))
    for name in (*proxies.VARIABLES, proxies.OUTWARDS):
        monkeypatch.setenv(name, "")  # what a test does to them is undone
        monkeypatch.delenv(name)


@pytest.fixture
def toy(tmp_path, _plain):
    """A project of three quick stages; `order` in its folder tells `split` to misbehave."""
    return make_toy(tmp_path / "toy")


@pytest.fixture(scope="session")
def built_once(tmp_path_factory):
    """A toy project that `dvc repro` built, to be copied."""
    toy = make_toy(tmp_path_factory.mktemp("built") / "toy")
    sync.sync(toy)
    given = environment(toy, {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"]})
    command = [sys.executable, "-m", "dvc", "repro", "--quiet"]
    subprocess.run(command, cwd=toy.root, env=given, check=True)
    return toy


@pytest.fixture
def built(built_once, tmp_path, _plain):
    """A toy project that was built and is remembered as fresh."""
    root = tmp_path / "built"
    shutil.copytree(built_once.root, root)
    copy = Project(root)
    pending.remember_built(copy, pending.snapshot(copy))
    return copy


@pytest.fixture
def settled(built):
    """As `built`, with a tracking store in which all actions are done."""
    make_store(built, made=1)
    for name in action.AFTER_BUILD:
        pending.remember_action(built, name)
    return built


def make_store(toy, made):
    """As much of MLflow's database as tells stores apart."""
    (toy.mlflow / "artifacts").mkdir(parents=True)
    database = sqlite3.connect(toy.mlflow / "mlflow.db")
    database.execute("CREATE TABLE alembic_version (version_num)")
    database.execute("INSERT INTO alembic_version VALUES (?)", [schema._known()[0]])
    with database:
        database.execute("CREATE TABLE experiments (experiment_id INTEGER, creation_time BIGINT)")
        database.execute("INSERT INTO experiments VALUES (0, ?)", (made,))
    database.close()


@pytest.fixture
def replace_store():
    """Put another store into the place of a project's own."""

    def replace(toy):
        shutil.rmtree(toy.mlflow)
        make_store(toy, made=2)

    return replace


@pytest.fixture(scope="session")
def prefect_home(tmp_path_factory):
    """One home for all runs of a session: to make its database takes seconds."""
    return tmp_path_factory.mktemp("prefect")


@pytest.fixture(scope="session")
def server(prefect_home):
    """Address of a Prefect server, for the flows that need none of their own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    given = {
        **os.environ,
        "PREFECT_HOME": str(prefect_home),
        "PREFECT_SERVER_DEPLOYMENTS_CONCURRENCY_SLOT_WAIT_SECONDS": "1",
    }
    command = [sys.executable, "-m", "prefect", "server", "start", "--port", str(port)]
    process = subprocess.Popen(
        command,
        env=given,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    address = f"http://127.0.0.1:{port}/api"
    end = time.monotonic() + 120
    while not prefect_server.answers(address):
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.2)
    yield address
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.fixture
def surroundings(toy, prefect_home):
    """The environment of a command in the toy project."""
    given = {**os.environ, "PREFECT_HOME": str(prefect_home), "PYTHONPATH": str(ROOT)}
    return environment(toy, given)


@pytest.fixture
def python(toy, surroundings):
    """Run Python in the toy project."""

    def run(*arguments, **more):
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=toy.root,
            env=surroundings | more,
            text=True,
            capture_output=True,
            timeout=120,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    return run


@pytest.fixture
def until():
    """Wait until something holds; a test fails where it never does."""

    def wait(holds, seconds=30):
        end = time.monotonic() + seconds
        while not (value := holds()):
            assert time.monotonic() < end, "it never came to be"
            time.sleep(0.05)
        return value

    return wait
