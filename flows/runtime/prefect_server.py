"""The Prefect server behind a run or a schedule: the one that a person named, or one of ours.

Ours is a child of whoever needs it (`python -m flows.runtime.prefect_server` below) and ends with
it; its database lies in `.thawline/prefect`.
"""

import contextlib
import os
import re
import runpy
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from components.frame import files
from components.frame.errors import UnreachableError, UsageError
from flows import proxies
from flows.project import Project, environment
from flows.runtime import process

HOST = "127.0.0.1"
PORT = 4200
"""The one that Prefect uses by itself."""
PORTS_TRIED = 20
PATIENCE = 5.0
"""Seconds within which a server must answer."""
START_SECONDS = 120
"""Within which a server must be up; it takes about ten."""
PAUSE = 0.2
FAULT = re.compile(r"[\w.]+(Error|Exception): ")
"""How a traceback ends."""
RUN_ALONE = {"PREFECT_UI_ENABLED": "0", "PREFECT__SERVER_EPHEMERAL": "1"}
"""Keep a server from what only a schedule needs: its pages, and what starts runs."""


@contextlib.contextmanager
def serving(project: Project, port: int | None) -> Iterator[str]:
    """The address of the API of a server for a schedule; one that is started here ends here.

    Raises:
        UnreachableError: the server that `PREFECT_API_URL` names does not answer, or ours does not
            come up.
        UsageError: `port` is taken, or given where the server is another's.
    """
    address = named()
    if address is None:
        with _own(project, _free(port)) as address, _noted(project, address):
            yield address
        return
    if port is not None:
        raise UsageError(
            f"--port is for a server that Thawline starts, but PREFECT_API_URL names {address}. "
            "Leave one of them out."
        )
    require_answer(address)
    yield address


@contextlib.contextmanager
def for_run(project: Project) -> Iterator[str]:
    """As `serving`, for one run: a schedule's server will do, since two would share one database.

    Raises:
        UnreachableError: the server that `PREFECT_API_URL` names does not answer, or ours does not
            come up.
    """
    address = named()
    if address is not None:
        require_answer(address)
    elif (address := running(project)) is not None:
        proxies.hold_off()
    if address is not None:
        yield address
        return
    with _own(project, _any_free(), RUN_ALONE) as address:
        yield address


def named() -> str | None:
    """The address of the server that a person chose."""
    return os.environ.get("PREFECT_API_URL") or None


def require_answer(address: str) -> None:
    """See within seconds whether the server that a person named answers.

    Raises:
        UnreachableError: it does not.
    """
    if proxies.names_here(address):
        proxies.hold_off()
    else:
        _require_known_proxy(address)
    if not answers(address):
        raise UnreachableError(
            f"The Prefect server that PREFECT_API_URL names must answer, but {address} does not. "
            "Start it, or unset PREFECT_API_URL: Thawline then starts its own."
        )


def answers(address: str) -> bool:
    """Whether a Prefect server answers within seconds at the address of its API."""
    try:
        urllib.request.urlopen(f"{address}/health", timeout=PATIENCE).close()  # noqa: S310  # http
    except urllib.error.HTTPError:
        return True  # what it refuses Prefect says itself
    except (OSError, ValueError):
        return False
    return True


def running(project: Project) -> str | None:
    """The address of the server that a schedule of this project keeps at the moment."""
    try:
        address = _note(project).read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None
    return address if answers(address) else None


def pages(address: str) -> str:
    """Where a person looks at what the API at `address` knows."""
    return address.removesuffix("/").removesuffix("/api")


def _require_known_proxy(address: str) -> None:
    """See that Prefect's client knows what to do with the proxies in the environment."""
    import httpx

    try:
        httpx.Client().close()
    except (ImportError, ValueError, httpx.InvalidURL) as error:
        raise UsageError(
            f"Prefect must be able to use the proxies in the environment to reach {address}, but: "
            f"{error} Name others (HTTPS_PROXY, ALL_PROXY, NO_PROXY), or unset them."
        ) from None


@contextlib.contextmanager
def _own(
    project: Project, port: int, more: Mapping[str, str] = MappingProxyType({})
) -> Iterator[str]:
    proxies.hold_off()
    address = f"http://{HOST}:{port}/api"
    log = project.private / "logs" / "server.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8") as file:

        def say(line: str) -> None:
            file.write(line + "\n")
            file.flush()

        child = process.Child(
            process.module("flows.runtime.prefect_server"),
            folder=project.root,
            environment=environment(project)
            | {"PREFECT_SERVER_API_HOST": HOST, "PREFECT_SERVER_API_PORT": str(port), **more},
            say=say,
        )
        try:
            _wait(child, address, log, project)
            yield address
        finally:
            child.stop()


@contextlib.contextmanager
def _noted(project: Project, address: str) -> Iterator[None]:
    """Let runs find the server."""
    files.write_text(_note(project), address)
    try:
        yield
    finally:
        _note(project).unlink(missing_ok=True)


def _wait(child: process.Child, address: str, log: Path, project: Project) -> None:
    """Until the server answers.

    Raises:
        UnreachableError: it ended, or takes too long.
    """
    end = time.monotonic() + START_SECONDS
    while not answers(address):
        with contextlib.suppress(TimeoutError):
            code = child.wait(PAUSE)
            raise UnreachableError(
                f"Prefect's server must stay up, but it ended with exit code {code}: "
                f"{_last_words(log)} All that it said lies in {project.relative(log)}."
            )
        if time.monotonic() > end:
            raise UnreachableError(
                f"Prefect's server must answer within {START_SECONDS} s, but {address} does not. "
                f"What it said lies in {project.relative(log)}."
            )


def _last_words(log: Path) -> str:
    """The last line of a log that names an error, or else the last that says something."""
    lines = [line.strip() for line in log.read_text(encoding="utf-8").splitlines() if line.strip()]
    named = [line for line in lines if FAULT.match(line)]
    return next(reversed(named or lines), "it said nothing.")


def _note(project: Project) -> Path:
    return project.private / "prefect" / "address"


def _free(port: int | None) -> int:
    """`port` if nobody listens there; without one, the first free of Prefect's own and the next.

    Raises:
        UsageError: `port` is taken.
        UnreachableError: all of them are.
    """
    tried = range(PORT, PORT + PORTS_TRIED) if port is None else [port]
    free = next((one for one in tried if _is_free(one)), None)
    if free is not None:
        return free
    if port is not None:
        raise UsageError(f"--port needs a free port, but {port} is taken. Name another one.")
    raise UnreachableError(
        f"Prefect's server needs a free port, but {PORT} to {PORT + PORTS_TRIED - 1} are taken. "
        "Name one with --port."
    )


def _any_free() -> int:
    """A port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def main() -> None:
    """Be Prefect's server, as long as whoever started us lives."""
    process.tie()
    sys.argv = ["prefect", "server", "start"]
    runpy.run_module("prefect", run_name="__main__")


if __name__ == "__main__":
    main()
