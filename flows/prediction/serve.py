"""The command `thawline serve`: a registered model over HTTP, on this machine alone."""

import contextlib
import os
import shlex
import signal
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import FrameType

from components.frame.errors import UnreachableError
from flows.prediction.predict import wanted
from flows.project import Project
from flows.runtime import ports, process
from flows.serving import fetched, worker

SERVER = Path(fetched.__file__).with_name("http_process.py")
PORT = 8080
START_SECONDS = 120
"""Within which a model must answer; it takes about ten."""
PAUSE = 0.2
READY = """\
{name} answers at http://{host}:{port}/invocations (Ctrl-C ends it). Ask it:

    (printf '{{"dataframe_split": {{"columns": ["image"], "data": [["'
     base64 < {image} | tr -d '\\n'; printf '"]]}}}}') |
    curl -s http://{host}:{port}/invocations -H 'Content-Type: application/json' -d @-
"""
ANY_IMAGE = "IMAGE.jpg"


def serve(project: Project, model: str | None, port: int | None) -> int:
    """Serve a version, by default the champion, until a signal comes; the exit code.

    Raises:
        UsageError: there is no such version, or the port is taken.
        DataError: the model is not what was registered.
        UnreachableError: the tracking store is away, or the server does not come up.
    """
    number = ports.free(port, PORT)
    with (
        fetched.named(project, wanted(project, model)) as (version, folder),
        worker.plainly_named(folder) as link,
    ):
        called = f"{version.name} version {version.version}"
        print(f"Loading {called}.", flush=True)
        server = process.Child(
            [sys.executable, "-I", str(SERVER), str(link), ports.HOST, str(number)],
            folder=folder,
            environment=os.environ,
        )
        with _ending(server):
            _wait(server, number)
            image = _an_image(project)
            print(READY.format(name=called, host=ports.HOST, port=number, image=image), flush=True)
            server.wait()
    return 0


@contextlib.contextmanager
def _ending(server: process.Child) -> Iterator[None]:
    """Pass a signal on to the server, and leave nothing of it behind."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        server.tell(signal.SIGINT)

    before = {one: signal.signal(one, stop) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        server.stop()
        for number, handler in before.items():
            signal.signal(number, handler)


def _wait(server: process.Child, port: int) -> None:
    """Until the model answers.

    Raises:
        UnreachableError: its process ended, or takes too long.
    """
    end = time.monotonic() + START_SECONDS
    while not _answers(port):
        with contextlib.suppress(TimeoutError):
            code = server.wait(PAUSE)
            raise UnreachableError(
                f"The model's server must stay up, but it ended with exit code {code}. "
                "What it said stands above."
            )
        if time.monotonic() > end:
            raise UnreachableError(
                f"The model must answer within {START_SECONDS} s, but does not. "
                "What it said stands above."
            )


def _answers(port: int) -> bool:
    with contextlib.closing(HTTPConnection(ports.HOST, port, timeout=PAUSE)) as connection:
        try:
            connection.request("GET", "/ping")
            return connection.getresponse().status == 200  # noqa: PLR2004  # OK
        except (OSError, HTTPException):
            return False


def _an_image(project: Project) -> str:
    """One that is at hand, as a person in the project's folder names it in a shell."""
    images = (path for path in (project.data / "raw").rglob("*") if path.is_file())
    first = next(images, None)
    return shlex.quote(project.relative(first)) if first else ANY_IMAGE
