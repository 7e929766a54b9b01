"""The command `thawline ui`: MLflow's pages on the project's store, for this machine alone."""

import os
import sys
from collections.abc import Mapping
from typing import NoReturn

from components.frame import addresses
from flows.pages import experiment
from flows.project import Project, environment
from flows.runtime import ports
from flows.tracking import location, stores

PORT = 5000
ARTIFACTS = "artifacts"
SURROUNDINGS = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
"""No jobs run here: their runner would be another process, for pages that nobody opens."""


def ui(project: Project, port: int | None) -> None:
    """Become the server of the pages, or say where they are; a store is made where none is.

    Raises:
        UsageError: `port` is taken.
        UnreachableError: the store is away.
    """
    where = stores.address(project)
    with stores.answering(project):
        kept = stores.connect(project, stores.experiment(project)).experiment
    if where.startswith(("http://", "https://")):
        print(f"The runs: {location.public(where).rstrip('/')}/#{experiment.path(kept)}")
        return
    number = ports.free(port, PORT)
    if port is None and number != PORT:
        print(f"Port {PORT} is taken, by other pages perhaps: these are on {number}.")
    print(
        f"The runs: http://{ports.HOST}:{number}/#{experiment.path(kept)} (Ctrl-C ends the pages)"
    )
    _serve(project, where, number)


def _serve(project: Project, where: str, port: int) -> None:
    command = [sys.executable, "-m", "mlflow", "server", "--workers", "1"]
    command += ["--host", ports.HOST, "--port", str(port)]
    if addresses.sqlite_path(where) == project.mlflow / stores.DATABASE:
        os.chdir(project.mlflow)  # an address from here needs no folder's name
        where = f"sqlite:///{stores.DATABASE}"
        command += ["--artifacts-destination", ARTIFACTS]
    store = {"MLFLOW_BACKEND_STORE_URI": where}  # a password is no argument that others see
    become(command, environment(project) | SURROUNDINGS | store)


def become(command: list[str], surroundings: Mapping[str, str]) -> NoReturn:
    """Go on as another program: it gets Ctrl-C itself, and nothing is left of this one."""
    sys.stdout.flush()
    os.execve(command[0], command, surroundings)  # noqa: S606  # no shell
