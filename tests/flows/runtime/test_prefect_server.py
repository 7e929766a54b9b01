"""Which Prefect server is used is decided in one place."""

import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from components.frame.errors import UnreachableError, UsageError
from flows.runtime import prefect_server, process


class Health(BaseHTTPRequestHandler):
    """As much of a server as says that it is well."""

    def do_GET(self):  # http.server calls it so
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_arguments):
        pass


@pytest.fixture
def healthy():
    """The address of something that answers."""
    with HTTPServer((prefect_server.HOST, 0), Health) as answering:
        thread = threading.Thread(target=answering.serve_forever)
        thread.start()
        yield f"http://{prefect_server.HOST}:{answering.server_port}/api"
        answering.shutdown()
        thread.join()


def note(toy, address):
    path = toy.private / "prefect" / "address"
    path.parent.mkdir(parents=True)
    path.write_text(address)


def test_a_run_finds_the_server_of_a_schedule(toy, healthy):
    """Two servers would write into one database."""
    assert prefect_server.running(toy) is None
    note(toy, healthy)
    assert prefect_server.running(toy) == healthy


def test_what_a_killed_schedule_left_is_no_server(toy):
    """A note whose server is gone, or that is torn, is no address."""
    note(toy, f"http://{prefect_server.HOST}:9/api")
    assert prefect_server.running(toy) is None
    (toy.private / "prefect" / "address").write_text("htt")
    assert prefect_server.running(toy) is None


def test_a_server_that_a_person_named_is_used_and_none_started(toy, healthy, monkeypatch):
    """It goes on when the schedule ends."""
    monkeypatch.setenv("PREFECT_API_URL", healthy)
    with prefect_server.serving(toy, None) as address:
        assert address == healthy
    assert prefect_server.answers(healthy)


def test_a_server_that_a_person_named_must_answer(toy, monkeypatch):
    """No other one is taken in its place."""
    monkeypatch.setenv("PREFECT_API_URL", f"http://{prefect_server.HOST}:9/api")
    with pytest.raises(UnreachableError, match="does not"), prefect_server.serving(toy, None):
        pass


def test_a_port_for_the_server_of_another_is_refused(toy, healthy, monkeypatch):
    """It would have no effect."""
    monkeypatch.setenv("PREFECT_API_URL", healthy)
    with pytest.raises(UsageError, match="--port"), prefect_server.serving(toy, 4300):
        pass


def test_the_next_free_port_is_taken_but_never_instead_of_a_named_one(monkeypatch):
    """Whoever names a port looks for the pages there."""
    with socket.socket() as other:
        other.bind((prefect_server.HOST, 0))
        other.listen()
        taken = other.getsockname()[1]
        monkeypatch.setattr(prefect_server, "PORT", taken)
        assert prefect_server._free(None) > taken
        with pytest.raises(UsageError, match=f"{taken} is taken"):
            prefect_server._free(taken)
        monkeypatch.setattr(prefect_server, "PORTS_TRIED", 1)
        with pytest.raises(UnreachableError, match="--port"):
            prefect_server._free(None)


DIES = """\
print("sqlite3.DatabaseError: file is not a database")
print("Server stopped!")
raise SystemExit(3)
"""


def test_a_server_that_dies_is_said_at_once_with_its_last_words(toy, monkeypatch):
    """Nobody waits for what cannot come."""
    monkeypatch.setattr(process, "module", lambda *_: [sys.executable, "-c", DIES])
    begun = time.monotonic()
    with (
        pytest.raises(UnreachableError, match="exit code 3: sqlite3"),
        prefect_server.for_run(toy),
    ):
        pass
    assert time.monotonic() - begun < prefect_server.START_SECONDS / 4
    assert not (toy.private / "prefect" / "address").exists()


@pytest.mark.slow
def test_a_server_whose_database_is_damaged_is_said(toy):
    """The true one."""
    database = toy.private / "prefect" / "prefect.db"
    database.parent.mkdir(parents=True)
    database.write_bytes(b"x" * 5000)
    with pytest.raises(UnreachableError, match="not a database"), prefect_server.for_run(toy):
        pass


def test_the_pages_lie_where_the_api_does():
    """What a person opens in a browser."""
    assert prefect_server.pages("http://127.0.0.1:4200/api") == "http://127.0.0.1:4200"
    assert prefect_server.pages("https://prefect.example/api/") == "https://prefect.example"
