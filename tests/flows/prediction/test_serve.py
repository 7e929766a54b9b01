"""A registered model over HTTP: as it prints, until it is stopped, and nothing stays behind."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from components.frame.errors import UsageError
from flows.actions import action
from flows.prediction.serve import serve
from flows.runtime import ports

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def champion(seen):
    """A project whose registered model is the champion."""
    action.perform(seen, "judge")
    action.perform(seen, "promote")
    return seen


@pytest.fixture
def served(champion):
    """The command at work, and what it prints until it is ready."""
    command = [sys.executable, "-c", "from flows.cli import main; main()", "serve"]
    with subprocess.Popen(
        command,
        cwd=champion.root,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        lines = []
        while not lines or "curl" not in lines[-1]:
            lines.append(process.stdout.readline())
            assert lines[-1], lines
        yield process, "".join(lines)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def port_of(text):
    return int(text.partition("127.0.0.1:")[2].partition("/")[0])


def test_the_printed_line_gets_an_answer_and_ctrl_c_ends_it(champion, served):
    """`curl` with an image at hand, as a person would paste it; exit code 0 at the end."""
    process, text = served
    asked = text[text.index("(printf") :]
    done = subprocess.run(
        ["bash", "-c", asked], cwd=champion.root, capture_output=True, text=True, check=True
    )
    (answer,) = json.loads(done.stdout)["predictions"]
    assert answer["class"] in ("blue", "green", "red")
    assert abs(sum(p for name, p in answer.items() if name != "class") - 1) < 1e-5
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    assert ports.is_free(port_of(text))


def test_a_killed_command_leaves_no_server(served):
    """SIGKILL leaves no time to end it: it notices."""
    process, text = served
    process.kill()
    end = time.monotonic() + 20
    while not ports.is_free(port_of(text)) and time.monotonic() < end:
        time.sleep(0.1)
    assert ports.is_free(port_of(text))


def test_a_taken_port_is_refused_and_the_usual_one_gives_way(champion):
    """Before anything is fetched."""
    with socket.create_server((ports.HOST, 0)) as taken:
        number = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"{number} is taken"):
            serve(champion, None, number)
        assert ports.free(None, number) > number
