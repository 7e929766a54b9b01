"""A shell in which one command is typed after the other, as a person does."""

import contextlib
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

DONE = "--- the command is done:"
HUNG = 3600.0
"""Seconds after which a command that has not ended never will, as a server that nobody stops."""
COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class CommandFailedError(Exception):
    """A command ended with another exit code than 0; what it printed."""


@dataclass(frozen=True)
class Step:
    """One command, and what it took."""

    command: str
    output: str
    seconds: float
    cpu: float


class Terminal:
    """A shell in which one command is typed after the other."""

    def __init__(self, folder: Path, environment: dict[str, str], hung: float = HUNG) -> None:
        self.shell = subprocess.Popen(
            ["bash", "--norc"],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            bufsize=1,
            start_new_session=True,
        )
        assert self.shell.stdin  # noqa: S101  # a pipe
        assert self.shell.stdout  # noqa: S101  # another
        self.typed, self.printed = self.shell.stdin, self.shell.stdout
        self.folder, self.environment, self.spent = folder, environment, 0.0
        self.hung = hung

    def type(self, command: str) -> Step:
        """Run a command to its end.

        Raises:
            CommandFailedError: its exit code is not 0, or it does not end.
        """
        begun = time.monotonic()
        self._send(f"{{ {command}\n}} </dev/null\ncode=$?; echo; echo '{DONE}' $code; times; pwd")
        with self._in_time(command):
            output = "".join(self._lines(DONE))
        code = int(self.last.removeprefix(DONE))
        self._line()
        children = sum(map(_seconds, self._line().split()))
        self.folder = Path(self._line().strip())
        step = Step(command, output.strip(), time.monotonic() - begun, children - self.spent)
        self.spent = children
        if code:
            raise CommandFailedError(f"{command}\n{step.output}\nexit code {code}")
        return step

    @contextlib.contextmanager
    def serving(self, command: str, until: str) -> Iterator[Step]:
        """Leave a server at work; what it printed until a line that holds `until`.

        Raises:
            CommandFailedError: it ended before.
        """
        begun = time.monotonic()
        self._send(f"{{ {command}\n}} </dev/null\necho '{DONE}'")
        try:
            output = "".join([*self._lines(until, DONE), self.last])
            if DONE in self.last:
                raise CommandFailedError(f"{command}\n{output}")
            yield Step(command, output.strip(), time.monotonic() - begun, 0.0)
        finally:
            os.killpg(self.shell.pid, signal.SIGINT)
            self.close()

    def close(self) -> None:
        """End the shell, and with it what still runs there."""
        self.typed.close()
        try:
            self.shell.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.shell.pid, signal.SIGKILL)
            self.shell.wait()
        self.printed.close()

    @contextlib.contextmanager
    def _in_time(self, command: str) -> Iterator[None]:
        """End the shell, and what runs in it, where the block takes too long."""
        alarm = threading.Timer(self.hung, os.killpg, (self.shell.pid, signal.SIGKILL))
        alarm.start()
        try:
            yield
        except CommandFailedError as error:
            raise CommandFailedError(f"{command}\n{error}, or did not end") from error
        finally:
            alarm.cancel()

    def _send(self, text: str) -> None:
        self.typed.write(f"{text}\n")

    def _lines(self, *ends: str) -> Iterator[str]:
        self.last = self._line()
        while not any(end in self.last for end in ends):
            yield self.last
            self.last = self._line()

    def _line(self) -> str:
        line = self.printed.readline()
        if not line:
            raise CommandFailedError("the shell has ended")
        return COLOURS.sub("", line)


def _seconds(text: str) -> float:
    """`1m2.500s`, as the shell's `times` says it."""
    minutes, _, seconds = text.rstrip("s").partition("m")
    return 60 * float(minutes) + float(seconds)
