"""A person's proxies serve what leaves the machine, and nothing else."""

import os
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.request import getproxies, proxy_bypass

import httpx
import pytest
import requests

from components.frame.errors import UsageError
from flows import proxies
from flows.project import Project
from flows.runtime import prefect_server
from flows.tracking import stores

DEAD = "http://127.0.0.1:9"
NAMES = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
UNKNOWN = ("socks5://127.0.0.1:9", "socks://127.0.0.1:9/", "odd://127.0.0.1:9")
"""Proxies that the clients at hand cannot use."""


@pytest.fixture
def surrounded(monkeypatch):
    """Put a proxy into every variable that there is for one, as `enter` finds and completes it."""

    def put(proxy, *excepted):
        for name in (*proxies.VARIABLES, proxies.OUTWARDS):
            monkeypatch.setenv(name, "")  # what a test does to them is undone
            monkeypatch.delenv(name)
        for name in NAMES:
            monkeypatch.setenv(name, proxy)
        for name in excepted:
            monkeypatch.setenv(*name)
        for name, value in proxies.spared(os.environ).items():
            monkeypatch.setenv(name, value)

    return put


@pytest.fixture
def answering():
    """A server on this machine, and what it was asked for: a proxy is asked for whole addresses."""
    asked = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):  # http.server calls it so
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"experiment": {"creation_time": 17}}')

        def log_message(self, *_arguments):
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("proxy", [DEAD, *UNKNOWN])
def test_a_store_on_this_machine_is_asked_directly(proxy, surrounded, answering, monkeypatch):
    """Whatever the proxies are, and though nobody thought of NO_PROXY."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", answering[0])
    surrounded(proxy)
    assert stores.store_identity(Project("/nowhere")) == "17"


def test_a_store_elsewhere_is_asked_through_the_proxy(surrounded, answering, monkeypatch):
    """Also in a process that holds proxies off, as a run's does."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://store.example:5000")
    surrounded(answering[0])
    proxies.hold_off()
    with proxies.reaching_out():
        assert stores.store_identity(Project("/nowhere")) == "17"
    assert answering[1] == [
        "http://store.example:5000/api/2.0/mlflow/experiments/get?experiment_id=0"
    ]
    with pytest.raises(requests.ConnectionError):
        requests.get("http://store.example:5000", timeout=5)


@pytest.mark.parametrize("proxy", [DEAD, *UNKNOWN])
def test_a_process_that_holds_proxies_off_reaches_its_server(proxy, surrounded, answering):
    """Prefect's client fails when it is made where a proxy is of a kind that it does not know."""
    surrounded(proxy, ("NO_PROXY", "::1/128"))
    proxies.hold_off()
    assert prefect_server.answers(answering[0])
    with httpx.Client() as client:
        assert client.get(answering[0]).status_code == 200


@pytest.mark.parametrize("excepted", [(), (("NO_PROXY", "a.example, b"),), (("no_proxy", "*"),)])
def test_what_a_person_left_out_stays_left_out(excepted, surrounded):
    """And what they set comes back whenever we reach out."""
    surrounded(DEAD, *excepted)
    before = {name: os.environ[name] for name in proxies.VARIABLES}
    proxies.hold_off()
    proxies.hold_off()
    assert proxy_bypass("c.example")
    with proxies.reaching_out(), proxies.reaching_out():
        assert {name: os.environ[name] for name in proxies.VARIABLES} == before
        assert bool(proxy_bypass("c.example")) == (excepted == (("no_proxy", "*"),))
        assert getproxies()["http"] == DEAD
    assert proxy_bypass("c.example")


def test_without_proxies_nothing_is_set(monkeypatch):
    """A system's own settings are read where the environment names no proxy."""
    assert proxies.spared({"PATH": "/bin", "NO_PROXY": "a", "HTTP_PROXY": ""}) == {}


def test_a_server_that_a_person_named_by_another_name_of_this_machine_is_spared():
    """All of 127.0.0.0/8 is this machine."""
    given = {"HTTP_PROXY": DEAD, "MLFLOW_TRACKING_URI": "http://127.0.0.2:5000"}
    assert "127.0.0.2" in proxies.spared(given)["no_proxy"].split(",")
    given["MLFLOW_TRACKING_URI"] = "http://store.example"
    assert "store.example" not in proxies.spared(given)["no_proxy"]


@pytest.mark.parametrize("proxy", UNKNOWN)
def test_a_proxy_that_mlflow_cannot_use_is_said_where_a_store_is_elsewhere(
    proxy, surrounded, monkeypatch
):
    """With what it takes: PySocks, or NO_PROXY."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://store.example:5000")
    surrounded(proxy)
    for ask in (stores.require_usable, stores.look):
        with pytest.raises(UsageError, match=r"needs PySocks .*NO_PROXY=store\.example$"):
            ask(Project("/nowhere"))
    monkeypatch.setenv("no_proxy", "store.example")
    stores.require_usable(Project("/nowhere"))


@pytest.mark.parametrize("proxy", UNKNOWN)
def test_a_proxy_that_prefect_cannot_use_is_said_where_it_needs_one(proxy, surrounded, monkeypatch):
    """To reach a server that a person keeps elsewhere."""
    surrounded(proxy)
    with pytest.raises(UsageError, match="unset them"):
        prefect_server.require_answer("http://prefect.example/api")
