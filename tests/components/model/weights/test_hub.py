"""Weights of the hub, fetched by its own client from a server on this machine."""

import hashlib
import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
import timm
import torch
from huggingface_hub import close_session, constants
from safetensors.torch import load_file, save

from components.frame import files
from components.frame.errors import UnreachableError, UsageError
from components.model.weights.pin import start_pin

ARCHITECTURE = "test_efficientnet.r160_in1k"
REPOSITORY = f"timm/{ARCHITECTURE}"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
ASKED = {"source": "hub", "architecture": ARCHITECTURE, "seed": 0}


@pytest.fixture
def point_to(monkeypatch, tmp_path):
    """Have the hub's client take an address for the hub's, with a cache of its own."""

    def point(address):
        template = f"{address}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(constants, "ENDPOINT", address)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    return point


@pytest.fixture
def served(point_to):
    """A hub that holds one model's files, and what it was asked for."""
    torch.manual_seed(0)
    weights = timm.create_model("test_efficientnet").state_dict()
    held = {"model.safetensors": save(weights), "config.json": b"{}"}
    paths = []

    class Hub(BaseHTTPRequestHandler):
        def do_GET(self):
            paths.append(self.path)
            name = self.path.rsplit("/", 1)[-1]
            if self.path == f"/api/models/{REPOSITORY}":
                self.answer(json.dumps({"id": REPOSITORY, "sha": COMMIT}).encode())
            elif self.path in {f"/{REPOSITORY}/resolve/{at}/{name}" for at in ("main", COMMIT)}:
                self.answer(held[name])
            else:
                self.send_error(404)

        do_HEAD = do_GET  # noqa: N815  # the server asks for it by this name

        def answer(self, content):
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
            self.send_header("X-Repo-Commit", COMMIT)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        point_to(f"http://127.0.0.1:{server.server_port}")
        yield weights, paths
        server.shutdown()


def base(place):
    """Take the weights that are pinned, as the stage does."""
    place.change("base", source="hub", architecture=ARCHITECTURE)
    outcome = place.run("base")
    assert outcome.code == 0, outcome.errors
    built = place.root / "build/base"
    return load_file(built / "model.safetensors"), files.read_json(built / "config.json")


def test_weights_of_the_hub_are_pinned_by_commit_and_taken_whole(place, served):
    """Every tensor as it was served, with the mean and deviation that timm states of them."""
    weights, paths = served
    pin = start_pin(**ASKED, known={})
    assert pin == {"source": "hub", "architecture": ARCHITECTURE, "revision": COMMIT}
    files.write_yaml(place.root / "data/start.yaml", pin)
    state, config = base(place)
    assert set(state) == set(weights)
    assert all(torch.equal(state[name], value) for name, value in weights.items())
    assert config["architecture"] == ARCHITECTURE
    assert config["mean"] == [0.485, 0.456, 0.406]
    assert config["std"] == [0.229, 0.224, 0.225]
    assert config["source"] == f"{REPOSITORY} at {COMMIT[:12]}"
    assert config["licence"] == "apache-2.0"
    assert f"/{REPOSITORY}/resolve/{COMMIT}/model.safetensors" in paths


def test_weights_that_were_fetched_once_need_no_hub(place, served, point_to):
    """The pin stays, and the same tensors come from the hub's cache."""
    weights, _ = served
    pin = start_pin(**ASKED, known={})
    files.write_yaml(place.root / "data/start.yaml", pin)
    base(place)
    point_to("http://127.0.0.1:9")
    assert start_pin(**ASKED, known=pin) == start_pin(**ASKED, known={}) == pin
    assert set(base(place)[0]) == set(weights)


def test_a_hub_out_of_reach_says_what_to_do_within_seconds(point_to):
    """The error names the ways that need no network."""
    point_to("http://127.0.0.1:9")
    begun = time.monotonic()
    with pytest.raises(UnreachableError, match=r"base\.source=package") as caught:
        start_pin(**ASKED, known={})
    assert caught.value.exit_code == 5
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:9", "odd://127.0.0.1:9"])
def test_a_proxy_that_cannot_be_used_is_said(point_to, monkeypatch, proxy):
    """With what the client lacks, and where the proxy is named."""
    point_to("http://hub.example")
    monkeypatch.setenv("ALL_PROXY", proxy)
    close_session()  # the client reads the environment when it is made
    with pytest.raises(UsageError, match=r"must be asked through the proxies .*ALL_PROXY"):
        start_pin(**ASKED, known={})
