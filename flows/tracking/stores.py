"""The tracking store: where it is, that it answers, and which one it is."""

import contextlib
import hashlib
import logging
import os
import re
import shutil
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from json import JSONDecodeError, loads
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

from pydantic import Field

from components.frame import addresses
from components.frame.errors import UnreachableError, UsageError, disk_fault
from components.frame.params import Params, load_params
from flows.project import Project
from flows.runtime import locks
from flows.tracking import location, relocate, schema
from flows.tracking.location import PORTS, VARIABLE

if TYPE_CHECKING:
    from mlflow import MlflowClient

PATIENCE = 5.0
"""Seconds within which a store must answer."""
DATABASE = "mlflow.db"
SURROUNDINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    "MLFLOW_UV_AUTO_DETECT": "false",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_PRINT_MODEL_URLS_ON_CREATION": "false",
    "GIT_PYTHON_REFRESH": "quiet",
}
"""What MLflow must find in the environment of every process that uses it here."""
PATIENT = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
}
"""What it finds there unless a person chose otherwise: its own 7 retries take four minutes."""
DEFAULT_EXPERIMENT = "0"
"""Every store makes this experiment when it is made: its time of creation tells stores apart."""
SERVED = ("http://", "https://")
"""So begin the addresses of servers."""
OTHER_TABLES = re.compile(r"database schema \(found version (\w+)")
"""What MLflow says of a database that it cannot use."""
REFUSED = frozenset({401, 403})
SERVER_FAULT = 500


class PublishParams(Params):
    """Where `publish` keeps runs in MLflow: in mlflow/, or where MLFLOW_TRACKING_URI says."""

    experiment: Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^'`\n]+$")] = (
        "thawline"
    )
    """Name that all runs are kept below; without quotes and line breaks."""


@dataclass(frozen=True)
class Store:
    """An open store and the experiment that Thawline keeps there."""

    client: "MlflowClient"
    experiment: str
    """The experiment's id."""


def address(project: Project) -> str:
    """MLFLOW_TRACKING_URI where it is set, else the project's own database.

    Raises:
        UsageError: a person named a store that MLflow cannot use.
    """
    given = os.environ.get(VARIABLE)
    return location.checked(given) if given else addresses.sqlite(project.mlflow / DATABASE)


def require_usable(project: Project) -> None:
    """See, before anything begins, that the store is one that can be used, if it answers.

    Raises:
        UsageError: it is none.
    """
    where = address(project)
    if where.startswith(SERVED):
        _require_known_proxy(where)
    database = addresses.sqlite_path(where)
    if database is not None and _made(database):
        with contextlib.suppress(sqlite3.Error):
            schema.require_known(database)


def experiment(project: Project) -> str:
    """The name of the experiment, as `params/publish.yaml` has it."""
    return load_params(PublishParams, project.params / "publish.yaml").experiment


@contextmanager
def opened(project: Project, name: str | None = None) -> Iterator[Store]:
    """The store for an action, which is alone in changing it and the ledger meanwhile.

    `name` is the experiment's; by default that in `params/publish.yaml`.

    Raises:
        UnreachableError: it does not answer.
    """
    name = name or experiment(project)
    with locks.actions(project), answering(project):
        yield connect(project, name)


def connect(project: Project, experiment: str) -> Store:
    """Open the store; a local one is made, once, where it is missing.

    Raises:
        UnreachableError: it does not answer.
    """
    client = _open(project)
    with locks.store(project):
        return Store(client, _experiment(client, experiment, address(project)))


def look(project: Project) -> "MlflowClient":
    """Open the store to read in it; none is made where there is none.

    Raises:
        UsageError: there is no local store.
        UnreachableError: it does not answer.
    """
    database = addresses.sqlite_path(address(project))
    if database is not None and not database.is_file():
        raise UsageError(
            f"A store with registered models is needed, but there is no {database}. Make a model "
            f"(thawline run), or name the store that has one: {VARIABLE}=ADDRESS"
        )
    return _open(project)


def prepare() -> None:
    """Set MLflow's surroundings in this process, before MLflow is imported."""
    os.environ.update(SURROUNDINGS)
    for name, value in PATIENT.items():
        os.environ.setdefault(name, value)
    for noisy in ("alembic", "mlflow.pyfunc"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)  # what it says is raised


@contextmanager
def answering(project: Project) -> Iterator[None]:
    """Let MLflow work on the project's store, and say in plain words where that is away.

    Raises:
        UnreachableError: the store, or the disk below it, is out of reach.
        UsageError: it is of another version of MLflow.
    """
    prepare()
    from mlflow.exceptions import MlflowException

    try:
        with _chosen(address(project)):
            yield
    except MlflowException as error:
        if (tables := OTHER_TABLES.search(str(error))) and (
            refusal := schema.refusal(location.public(address(project)), tables[1])
        ):
            raise refusal from error
        status = error.get_http_status_code()
        if status < SERVER_FAULT and status not in REFUSED:
            raise
        raise disk_fault(error) or _away(address(project), error) from error
    except OSError as error:
        raise disk_fault(error) or _away(address(project), error) from error


def store_identity(project: Project) -> str | None:
    """Which store answers, or None: none was made yet, its files are gone, or it is away.

    A store that was wiped or replaced has another identity; the local database has the same one
    whether it is opened as a file or served. MLflow is not imported.
    """
    where = address(project)
    if (database := addresses.sqlite_path(where)) is not None:
        made = _made_file(database)
    elif where.startswith(SERVED):
        made = _made_server(where)
    else:
        made = hashlib.sha256(where.encode()).hexdigest()
    return made


def _open(project: Project) -> "MlflowClient":
    """A client of the store; a local one follows its folder."""
    prepare()
    where = address(project)
    _knock(where)
    from mlflow import MlflowClient

    with locks.store(project):
        database = addresses.sqlite_path(where)
        if database is not None and not _made(database):
            try:
                _make(database)
            except OSError as error:
                raise _away(where, error) from error
        if database == project.mlflow / DATABASE:
            _follow(database)
        return MlflowClient(tracking_uri=where)


def _follow(database: Path) -> None:
    try:
        relocate.follow(database)
    except sqlite3.Error as error:
        raise UnreachableError(
            f"The store must follow its folder, which was moved, but {database} takes nothing "
            f"({error}). Make it writable, then run again."
        ) from error


def _made(database: Path) -> bool:
    """Whether there is a store: an empty file is none."""
    return database.is_file() and database.stat().st_size > 0


def _make(database: Path) -> None:
    """Make an empty store, whole or not at all: MLflow does not go on with a half-made one."""
    from mlflow.store.tracking import DEFAULT_LOCAL_FILE_AND_ARTIFACT_PATH
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    folder = database.with_name(f".making-{database.name}")
    shutil.rmtree(folder, ignore_errors=True)  # what a killed maker left
    folder.mkdir(parents=True)
    made = folder / database.name
    store = SqlAlchemyStore(addresses.sqlite(made), DEFAULT_LOCAL_FILE_AND_ARTIFACT_PATH)
    store.engine.dispose()
    made.replace(database)
    shutil.rmtree(folder)


@contextmanager
def _chosen(where: str) -> Iterator[None]:
    """Make a store MLflow's own choice: parts of it ask for no other."""
    import mlflow

    given = os.environ.get(VARIABLE)
    mlflow.set_tracking_uri(where)
    try:
        yield
    finally:
        mlflow.set_tracking_uri(None)
        if given is not None:
            os.environ[VARIABLE] = given


def _experiment(client: "MlflowClient", name: str, where: str) -> str:
    """The id of the experiment; a new one keeps its artifacts beside a local database."""
    there = client.get_experiment_by_name(name)
    if there is not None:
        if there.lifecycle_stage == "deleted":
            client.restore_experiment(there.experiment_id)
        return str(there.experiment_id)
    database = addresses.sqlite_path(where)
    beside = None if database is None else database.parent / "artifacts"
    if beside is not None:
        beside.mkdir(parents=True, exist_ok=True)
    return str(client.create_experiment(name, beside and beside.as_uri()))


def _knock(where: str) -> None:
    """See within seconds whether the store answers: MLflow's own clients try for minutes."""
    parts = urlsplit(where)
    try:
        if (database := addresses.sqlite_path(where)) is not None:
            database.parent.mkdir(parents=True, exist_ok=True)
            if _made(database):
                with closing(sqlite3.connect(database, timeout=PATIENCE)) as connection:
                    connection.execute("BEGIN IMMEDIATE")
                schema.require_known(database)
        elif parts.scheme in {"http", "https"}:
            _require_known_proxy(where)
            _get(f"{where.rstrip('/')}/health")
        elif parts.hostname:
            port = parts.port or PORTS.get(parts.scheme.partition("+")[0], 0)
            socket.create_connection((parts.hostname, port), PATIENCE).close()
    except (OSError, sqlite3.Error) as error:
        raise _away(where, error) from error


def _require_known_proxy(where: str) -> None:
    """See that the proxy through which a server is to be asked is of a kind that can be used."""
    import requests

    asked = requests.Request("GET", where).prepare()
    found = requests.utils.get_environ_proxies(where)
    try:
        requests.adapters.HTTPAdapter().get_connection_with_tls_context(
            asked, verify=True, proxies=found
        )
    except ValueError as error:
        raise UsageError(
            f"MLflow must be able to use the proxy in the environment to reach "
            f"{location.public(where)}, but: {error} One of SOCKS needs PySocks (pip install "
            f"PySocks); or leave it out: NO_PROXY={urlsplit(where).hostname}"
        ) from None


def _get(url: str) -> bytes:
    """An answer, asked for as MLflow asks: with the same proxies and credentials in the address."""
    import requests

    answer = requests.get(url, timeout=PATIENCE)
    if answer.status_code >= SERVER_FAULT:
        answer.raise_for_status()
    return answer.content if answer.ok else b""


def _made_file(database: Path) -> str | None:
    if not database.is_file() or not (database.parent / "artifacts").is_dir():
        return None
    query = "SELECT creation_time FROM experiments WHERE experiment_id = ?"
    try:
        with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
            row = connection.execute(query, (DEFAULT_EXPERIMENT,)).fetchone()
    except sqlite3.Error:
        return None
    return None if row is None else str(row[0])


def _made_server(where: str) -> str | None:
    path = "/api/2.0/mlflow/experiments/get?experiment_id="
    try:
        answer = loads(_get(f"{where.rstrip('/')}{path}{DEFAULT_EXPERIMENT}"))
        return str(answer["experiment"]["creation_time"])
    except (OSError, JSONDecodeError, KeyError, TypeError):
        return None


def _away(where: str, error: Exception) -> UnreachableError:
    shown, reason = location.public(where), " ".join(str(error).split())[:300]
    return UnreachableError(
        f"The tracking store must answer, but {shown} does not ({reason}). Start it, or fix "
        f"{VARIABLE}, then run again: what was built is kept, only publishing is pending."
    )
