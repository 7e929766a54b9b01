"""The tracking store is found, made once, told apart from others, and missed within seconds."""

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from components.frame.errors import UnreachableError
from flows.project import Project
from flows.tracking import stores

MAKE = "import sys; from pathlib import Path; from flows.tracking import stores; \
from flows.project import Project; stores.connect(Project(Path(sys.argv[1])), 'thawline')"


@pytest.fixture
def bare(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return Project(tmp_path / "mit Leerzeichen ä")


@contextmanager
def served(content: bytes, status: int = 200):
    """An HTTP server that gives one answer to everything."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_store_is_made_whole_or_not_at_all(bare):
    """Killed while MLflow makes its tables, it is made by the next who asks."""
    process = subprocess.Popen([sys.executable, "-c", MAKE, str(bare.root)])
    while not [one for one in bare.mlflow.glob(".*/mlflow.db") if one.stat().st_size > 10**5]:
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert not (bare.mlflow / "mlflow.db").exists()
    stores.connect(bare, "thawline")
    assert sorted(one.name for one in bare.mlflow.iterdir()) == ["artifacts", "mlflow.db"]
    assert stores.store_identity(bare) is not None


def test_two_processes_make_one_store(bare):
    """A new store that two processes ask for at once is made once, inside the project."""
    command = [sys.executable, "-c", MAKE, str(bare.root)]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(2)]
    said = [process.communicate()[1] for process in processes]

    assert [process.returncode for process in processes] == [0, 0], said
    store = stores.connect(bare, "thawline")
    experiment = store.client.get_experiment(store.experiment)
    assert experiment.artifact_location == (bare.mlflow / "artifacts").as_uri()
    assert [e.name for e in store.client.search_experiments()].count("thawline") == 1


def test_a_wiped_store_has_another_identity(bare, empty_store):
    """No store, a store, the store without its artifacts, and a new store are told apart."""
    assert stores.store_identity(bare) is None
    bare.mlflow.mkdir(parents=True)
    shutil.copy(empty_store, bare.mlflow / "mlflow.db")
    assert stores.store_identity(bare) is None
    (bare.mlflow / "artifacts").mkdir()
    first = stores.store_identity(bare)
    assert first is not None
    assert stores.store_identity(bare) == first

    (bare.mlflow / "mlflow.db").unlink()
    assert stores.store_identity(bare) is None
    stores.connect(bare, "thawline")
    assert stores.store_identity(bare) not in {None, first}


def test_the_identity_of_a_torn_database_is_none(bare):
    """A file that is no database is a store that is gone, not an internal error."""
    (bare.mlflow / "artifacts").mkdir(parents=True)
    (bare.mlflow / "mlflow.db").write_bytes(b"no database" * 1000)
    assert stores.store_identity(bare) is None


def test_a_server_tells_its_identity(bare, monkeypatch):
    """A server is told apart by the same mark as its database; one that is away has none."""
    answer = json.dumps({"experiment": {"experiment_id": "0", "creation_time": 17}}).encode()
    with served(answer) as where:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", where)
        assert stores.store_identity(bare) == "17"
    assert stores.store_identity(bare) is None
    with served(b"no JSON") as where:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", where)
        assert stores.store_identity(bare) is None


def test_asking_for_the_identity_imports_nothing_heavy():
    """The first question of a run must not cost the import of MLflow."""
    code = "import sys, flows.tracking.stores as t, flows.actions.publish, flows.actions.register; \
import flows.actions.judge, flows.actions.promote, flows.records.ledger; \
from flows.project import Project; from pathlib import Path; \
t.store_identity(Project(Path('/nowhere'))); \
print([m for m in ('mlflow', 'torch', 'pandas', 'numpy', 'prefect', 'dvc') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_server_that_is_away_is_said_within_seconds(bare, monkeypatch):
    """A closed port is an error of exit code 5 at once, not after minutes of retries."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://me:secret@127.0.0.1:{port}")
    started = time.monotonic()
    with pytest.raises(UnreachableError) as caught:
        stores.connect(bare, "thawline")
    assert time.monotonic() - started < 5
    assert caught.value.exit_code == 5
    assert "secret" not in str(caught.value)


def test_a_server_that_never_answers_is_given_up(bare, monkeypatch):
    """A server that takes the call and says nothing costs a few seconds."""
    monkeypatch.setattr(stores, "PATIENCE", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{mute.getsockname()[1]}")
        with pytest.raises(UnreachableError):
            stores.connect(bare, "thawline")
        assert stores.store_identity(bare) is None


def test_a_failing_server_is_said_in_one_sentence(bare, monkeypatch):
    """An answer of 500 from MLflow's server is a store that is away."""
    with served(b"broken", status=500) as where:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", where)
        with pytest.raises(UnreachableError, match="MLFLOW_TRACKING_URI"):
            stores.connect(bare, "thawline")


def test_what_the_store_refuses_is_said(bare):
    """Missing credentials are a store out of reach; other refusals are not hidden as that."""
    from mlflow.exceptions import MlflowException

    with pytest.raises(UnreachableError), stores.answering(bare):
        raise MlflowException("who are you", error_code=16)  # UNAUTHENTICATED
    with pytest.raises(MlflowException), stores.answering(bare):
        raise MlflowException("no such run", error_code=1001)


def test_the_surroundings_are_left_as_they_were(bare, monkeypatch):
    """What a person set is theirs, what was not set stays unset for the next project."""
    with stores.answering(bare):
        pass
    assert "MLFLOW_TRACKING_URI" not in os.environ
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:////elsewhere.db")
    with stores.answering(bare):
        pass
    assert os.environ["MLFLOW_TRACKING_URI"] == "sqlite:////elsewhere.db"


def test_pickles_are_forbidden():
    """No process that uses MLflow here loads a pickle or calls home."""
    stores.prepare()
    assert os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] == "false"
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
