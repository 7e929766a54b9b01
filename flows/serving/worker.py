"""The process in which a registered model answers, seen from ours."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO, Any

from components.frame.errors import ThawlineError

CHILD = Path(__file__).with_name("model_process.py")
LAST_LINES = 5
PORTION = 32
"""Images asked for at once, at most."""

Answer = dict[str, Any]
"""The values of the columns, or `error`."""


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
            ThawlineError: the process is gone; its last words are told.
        """
        assert self._process.stdin is not None  # noqa: S101  # for ourselves
        try:
            line = json.dumps([str(path.absolute()) for path in images])
            print(line, file=self._process.stdin, flush=True)
        except BrokenPipeError:
            raise self._gone() from None
        answers: list[Answer] = self._read()
        return answers

    def _read(self) -> Any:  # noqa: ANN401  # any JSON
        assert self._process.stdout is not None  # noqa: S101  # for ourselves
        line = self._process.stdout.readline()
        if not line.endswith("\n"):
            raise self._gone()
        return json.loads(line)

    def _gone(self) -> ThawlineError:
        code = self._process.wait()
        self._complaints.seek(0)
        last_words = "\n".join(self._complaints.read().strip().splitlines()[-LAST_LINES:])
        return ThawlineError(f"The model could not be run (exit code {code}):\n{last_words}")


@contextmanager
def running(folder: Path) -> Iterator[Worker]:
    """A model at work; its process knows by the end of its input that it is no longer needed.

    It stands in a session of its own, so that Ctrl-C reaches us, who end it.
    """
    with (
        _plainly_named(folder) as link,
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
            yield Worker(process, complaints)
        finally:
            process.kill()
            process.communicate()


@contextmanager
def _plainly_named(folder: Path) -> Iterator[Path]:
    """A path by a link: MLflow unquotes that of a model, and then looks elsewhere."""
    with TemporaryDirectory() as place:
        link = Path(place) / "models"
        link.symlink_to(folder.parent)
        yield link / folder.name
