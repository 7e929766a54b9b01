"""The process in which a registered model answers, seen from ours."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from threading import Event, Timer
from typing import IO, Any

from components.frame.errors import ThawlineError, UnreachableError

CHILD = Path(__file__).with_name("model_process.py")
LAST_LINES = 5
PORTION = 32
"""Images asked for at once, at most."""

Answer = dict[str, Any]
"""The values of the columns, or `error`."""


ENDED = (-signal.SIGKILL, -signal.SIGTERM)
"""Exit codes of a process that was ended from without, such as where memory ran out."""


class ModelFailedError(ThawlineError):
    """A model's own code, or what it loads, does not run."""


class Worker:
    """A loaded model in a process of its own."""

    def __init__(self, process: "subprocess.Popen[str]", complaints: IO[str]) -> None:
        self._process = process
        self._complaints = complaints
        self.columns: list[str] = self._read()
        """Of an answer."""

    def ask(self, images: Sequence[Path]) -> list[Answer]:
        """What the model says of each image file.

        Raises:
            ModelFailedError: the process is gone; its last words are told.
            UnreachableError: it was ended from without.
        """
        assert self._process.stdin is not None  # noqa: S101  # for ourselves
        try:
            line = json.dumps([str(path.absolute()) for path in images])
            print(line, file=self._process.stdin, flush=True)
        except BrokenPipeError:
            raise self._gone() from None
        answers: list[Answer] = self._read()
        return answers

    def answers(self, images: Sequence[Path]) -> Iterator[Answer]:
        """As `ask`, so many at once that memory stays bounded."""
        for start in range(0, len(images), PORTION):
            yield from self.ask(images[start : start + PORTION])

    def _read(self) -> Any:  # noqa: ANN401  # any JSON
        assert self._process.stdout is not None  # noqa: S101  # for ourselves
        line = self._process.stdout.readline()
        if not line.endswith("\n"):
            raise self._gone()
        try:
            return json.loads(line)
        except ValueError:
            raise ModelFailedError(
                f"A model must answer in JSON, but {line[:40]!r} is no JSON."
            ) from None

    def _gone(self) -> ThawlineError:
        code = self._process.wait()
        if code in ENDED:
            return UnreachableError(
                f"The process of the model must be left to itself, but was ended (signal {-code}), "
                "as is done where memory runs out. Make room, then run again."
            )
        self._complaints.seek(0)
        last_words = "\n".join(self._complaints.read().strip().splitlines()[-LAST_LINES:])
        return ModelFailedError(f"The model could not be run (exit code {code}):\n{last_words}")


@contextmanager
def running(folder: Path, *, patience: float | None = None) -> Iterator[Worker]:
    """A model at work; its process knows by the end of its input that it is no longer needed.

    It stands in a session of its own, so that Ctrl-C reaches us, who end it.

    Raises:
        ModelFailedError: it is still at work after so many seconds of `patience`.
    """
    with (
        plainly_named(folder) as link,
        TemporaryFile("w+", encoding="utf-8", errors="replace") as complaints,
    ):
        process = subprocess.Popen(
            [sys.executable, "-I", str(CHILD), str(link)],
            cwd=folder,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )
        try:
            with _ended_after(patience, process):
                yield Worker(process, complaints)
        finally:
            process.kill()
            process.communicate()


@contextmanager
def _ended_after(patience: float | None, process: "subprocess.Popen[str]") -> Iterator[None]:
    """End a process that is at work for longer."""
    if patience is None:
        yield
        return
    ended = Event()

    def end() -> None:
        ended.set()
        process.kill()

    timer = Timer(patience, end)
    timer.start()
    try:
        yield
    except UnreachableError:
        if ended.is_set():
            raise ModelFailedError(f"It did not answer within {patience:g} seconds.") from None
        raise
    finally:
        timer.cancel()


@contextmanager
def plainly_named(folder: Path) -> Iterator[Path]:
    """A path by a link: MLflow unquotes that of a model, and then looks elsewhere."""
    with TemporaryDirectory() as place:
        link = Path(place) / "models"
        link.symlink_to(folder.parent)
        yield link / folder.name
