"""Processes of a project: each in a session of its own, its lines streamed, its life tied to ours.

The parent holds the write end of the child's standard input and never writes to it. When the
parent goes, however it goes, the pipe ends, and the child (which called `tie`) ends its own group.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType

GRACE_SECONDS = 20
"""From the request to stop to the end by force; Prefect kills a cancelled flow after 30."""

Say = Callable[[str], None]


class Child:
    """A process in a session of its own; its lines go to `say`, or else where ours go.

    `keep` are open files that it inherits, such as a lock.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        folder: Path,
        environment: Mapping[str, str],
        say: Say | None = None,
        keep: Sequence[int] = (),
    ) -> None:
        self._say = say
        self._code: int | None = None
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=None if say is None else subprocess.PIPE,
            stderr=None if say is None else subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
            pass_fds=keep,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def number(self) -> int:
        """Its process number, which is its group's too."""
        return self._process.pid

    def tell(self, signal_number: int) -> None:
        """Send a signal to it alone."""
        self._process.send_signal(signal_number)

    def wait(self, seconds: float | None = None) -> int:
        """Wait for its end and give its exit code, 128 + N for signal N; nothing of it is left.

        Raises:
            TimeoutError: it has not ended in `seconds`; it still runs.
        """
        if self._code is not None:
            return self._code
        try:
            code = exit_code(self._process.wait(seconds))
        except subprocess.TimeoutExpired:
            raise TimeoutError from None
        self._signal(signal.SIGKILL)
        self._code = code
        self._reader.join(GRACE_SECONDS)
        self._close()
        return code

    def release(self, seconds: float = GRACE_SECONDS) -> int:
        """End its standard input, by which it knows that it is no longer needed, and wait."""
        self._close_input()
        try:
            return self.wait(seconds)
        except TimeoutError:
            return self.stop()

    def stop(self) -> int:
        """End it with all that it started: SIGINT, up to 20 s of patience, SIGKILL."""
        try:
            self._signal(signal.SIGINT)
            with contextlib.suppress(TimeoutError):
                return self.wait(GRACE_SECONDS)
        finally:
            self._signal(signal.SIGKILL)
        return self.wait()

    def _read(self) -> None:
        if self._process.stdout is not None and self._say is not None:
            for line in self._process.stdout:
                self._say(line.rstrip("\n"))

    def _signal(self, number: int) -> None:
        if self._code is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)

    def _close_input(self) -> None:
        assert self._process.stdin is not None  # noqa: S101  # for ourselves
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()

    def _close(self) -> None:
        self._close_input()
        if not self._reader.is_alive() and self._process.stdout is not None:
            self._process.stdout.close()


def module(name: str, *arguments: str) -> list[str]:
    """The command that runs a module of ours in this Python."""
    return [sys.executable, "-m", name, *arguments]


def exit_code(returned: int) -> int:
    """What a shell would say: 128 + N for a process ended by signal N."""
    return 128 - returned if returned < 0 else returned


def tie() -> None:
    """In a child: end our whole group when the parent goes or SIGTERM comes.

    Does nothing in a process that a person started: its group is not ours.
    """
    if _is_child():
        _hear_interrupts()
        signal.signal(signal.SIGTERM, _pass_on)
        _start_watching(lambda: os.killpg(0, signal.SIGINT), GRACE_SECONDS)


def tie_alone() -> None:
    """In a child that itself ends what it started: SIGINT to it alone when the parent goes."""
    if _is_child():
        _hear_interrupts()
        _start_watching(lambda: os.kill(os.getpid(), signal.SIGINT), 2 * GRACE_SECONDS)


def _is_child() -> bool:
    """Whether we lead a session, as a `Child` does."""
    return os.getsid(0) == os.getpid()


def _hear_interrupts() -> None:
    """Take SIGINT again where a shell that put us into the background had it ignored."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _start_watching(end: Callable[[], None], grace: float) -> None:
    def watch() -> None:
        while os.read(0, 1024):
            pass
        end()
        time.sleep(grace)
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()


def _pass_on(number: int, _frame: FrameType | None) -> None:
    """SIGTERM to us alone would leave what we started behind."""
    signal.signal(number, signal.SIG_IGN)
    os.killpg(0, number)
