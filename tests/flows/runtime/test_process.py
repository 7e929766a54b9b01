"""Processes live no longer than what started them."""

import os
import signal
import subprocess
import sys
import threading
import time

import psutil
import pytest

from flows.runtime.process import Child, exit_code

GRANDCHILD = """\
import subprocess, sys, time
from flows.runtime.process import tie
tie()
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
time.sleep(60)
"""
PATIENT = """\
import signal, subprocess, sys
stage = "import pathlib, time\\ntry:\\n    print(1, flush=True)\\n    time.sleep(60)\\n"
stage += "except KeyboardInterrupt:\\n    pathlib.Path('whole').touch()"
child = subprocess.Popen([sys.executable, "-c", stage])
signal.signal(signal.SIGINT, signal.SIG_IGN)
child.wait()
"""
PARENT = """\
import os, sys, time
from pathlib import Path
from flows.runtime.process import Child
child = Child([sys.executable, "-c", sys.argv[1]], folder=Path("."), environment=os.environ,
              say=lambda line: print(line, flush=True))
child.wait()
"""


def gone(number):
    """Whether a process has ended; one that nobody reaps is a zombie."""
    try:
        return psutil.Process(number).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.fixture
def start(tmp_path):
    children = []

    def begin(code, say):
        command = [sys.executable, "-c", code]
        children.append(Child(command, folder=tmp_path, environment=os.environ, say=say))
        return children[-1]

    yield begin
    for child in children:
        child.stop()


def test_lines_arrive_while_the_process_runs(start, until):
    """An operator sees a line when it is printed, not when the stage ends."""
    lines = []
    child = start("import time; print('first', flush=True); time.sleep(60)", lines.append)
    until(lambda: lines == ["first"])
    with pytest.raises(TimeoutError):
        child.wait(0)


def test_errors_and_broken_bytes_are_lines_too(start):
    """Nothing a stage says on either channel is lost, whatever bytes it holds."""
    lines = []
    code = "import sys; sys.stderr.buffer.write(b'caf\\xe9\\n'); sys.exit(3)"
    assert start(code, lines.append).wait() == 3
    assert lines == ["caf\ufffd"]


def test_a_signal_becomes_the_code_a_shell_gives(start):
    """A process that was killed says by which signal."""
    assert start("import os; os.kill(os.getpid(), 9)", print).wait() == 137
    assert exit_code(-15) == 143
    assert exit_code(5) == 5


def test_stop_ends_what_the_process_started(start, until):
    """Stopping a stage leaves no worker of it behind."""
    lines = []
    child = start(GRANDCHILD, lines.append)
    until(lambda: lines)
    child.stop()
    until(lambda: gone(int(lines[0])))
    assert gone(int(lines[0]))


def test_stop_asks_the_whole_group_to_end(start, until, tmp_path):
    """A stage below DVC's process, which waits for it, gets its time to finish a file."""
    lines = []
    child = start(PATIENT, lines.append)
    until(lambda: lines)
    child.stop()
    assert (tmp_path / "whole").exists()


def test_an_interrupt_is_heard_in_the_background_of_a_shell(start, until):
    """A script's `&` has SIGINT ignored by all that it starts, and stages would not end whole."""
    lines = []
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        child = start(GRANDCHILD, lines.append)
    finally:
        signal.signal(signal.SIGINT, before)
    until(lambda: lines)
    begun = time.monotonic()
    assert child.stop() == 130
    assert time.monotonic() - begun < 10


def test_a_second_ctrl_c_ends_a_stubborn_process_at_once(start, until):
    """Whoever presses Ctrl-C twice does not want to wait for 20 seconds."""
    lines = []
    code = "import signal, time; signal.signal(2, signal.SIG_IGN); print(1, flush=True)"
    child = start(f"{code}; time.sleep(60)", lines.append)
    until(lambda: lines)
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        child.stop()
    assert child.wait() == 137


def test_what_outlives_its_process_is_ended(start, until):
    """A worker that a finished stage forgot does not go on writing."""
    lines = []
    code = GRANDCHILD.replace("time.sleep(60)\n", "")
    assert start(code, lines.append).wait() == 0
    until(lambda: gone(int(lines[0])))


def test_a_killed_parent_takes_everything_along(until, tmp_path):
    """SIGKILL of the flow: its stage ends, and what the stage started."""
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, GRANDCHILD], stdout=subprocess.PIPE, text=True, cwd=tmp_path
    )
    with parent:
        grandchild = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    until(lambda: gone(grandchild))
    assert parent.returncode == -signal.SIGKILL
