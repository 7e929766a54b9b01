"""MLflow's pages are those of this project, whoever else shows pages on this machine."""

import socket
from contextlib import contextmanager

import pytest

from components.frame import files
from components.frame.errors import UsageError
from flows.pages import ui
from flows.runtime import ports


@contextmanager
def taken():
    """A port at which somebody listens."""
    with socket.socket() as other:
        other.bind((ports.HOST, 0))
        other.listen()
        yield other.getsockname()[1]


@pytest.fixture
def became(monkeypatch):
    """The commands that were to be run instead of this process, with their surroundings."""
    commands = []
    monkeypatch.setattr(ui, "become", lambda *given: commands.append(given))
    return commands


@pytest.fixture
def unseen(toy, monkeypatch):
    """A project in which nothing was published yet."""
    monkeypatch.chdir(toy.root)
    files.write_yaml(toy.params / "publish.yaml", {"experiment": "toys"})
    return toy


def test_a_port_that_is_taken_is_left_to_whom_it_belongs(unseen, became, monkeypatch, capsys):
    """The next free one is said; one that was asked for is refused. A store is made."""
    with taken() as port:
        monkeypatch.setattr(ui, "PORT", port)
        ui.ui(unseen, None)
        said = capsys.readouterr().out
        ((command, surroundings),) = became
        number = command[command.index("--port") + 1]
        assert int(number) > port
        assert f"Port {port} is taken" in said
        assert f"these are on {number}" in said
        assert f"The runs: http://127.0.0.1:{number}/#/experiments/1/runs" in said
        assert surroundings["MLFLOW_BACKEND_STORE_URI"] == "sqlite:///mlflow.db"
        assert (unseen.mlflow / "mlflow.db").is_file()
        with pytest.raises(UsageError, match=f"{port} is taken"):
            ui.ui(unseen, port)


def test_a_free_port_is_not_spoken_of(unseen, became, monkeypatch, capsys):
    """One line: where the pages are."""
    with taken() as port:
        free = port
    monkeypatch.setattr(ui, "PORT", free)
    ui.ui(unseen, None)
    assert len(capsys.readouterr().out.splitlines()) == 1
    assert len(became) == 1
