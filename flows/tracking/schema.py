"""Whether the tables of a local store are those that the MLflow at hand reads and writes."""

import re
import shlex
import sqlite3
from contextlib import closing
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from components.frame import addresses
from components.frame.errors import UsageError

MIGRATIONS = Path("store", "db_migrations", "versions")
"""Below the package of MLflow: a file for each change of its tables."""
CHANGE = re.compile(r'^(revision|down_revision) = "(\w+)"', re.MULTILINE)
"""What one leads to, and from where."""
TABLES = "SELECT name FROM sqlite_master WHERE type = 'table'"
REVISION = "SELECT version_num FROM alembic_version"


def require_known(database: Path) -> None:
    """See that MLflow can use a database as it is, without changing its tables.

    MLflow is not imported: it would make what it misses, or stop halfway.

    Raises:
        UsageError: an older MLflow made it, a newer one, or something else.
        sqlite3.Error: it cannot be read.
    """
    if fault := refusal(addresses.sqlite(database), _revision(database)):
        raise fault


def refusal(where: str, found: str | None) -> UsageError | None:
    """Why MLflow cannot use the database at an address whose last change of tables is `found`."""
    newest, known = _known()
    if found == newest:
        return None
    must = f"The tracking store must have the tables of MLflow {version('mlflow')}, but {where} "
    if found in known:
        return UsageError(
            f"{must}has those of an older one. Make a copy of it, then bring it up to date: "
            f"mlflow db upgrade {shlex.quote(where)}"
        )
    return UsageError(
        f"{must}was made by a newer one, or is no store (its tables: {found or 'unmarked'}). Serve "
        "it with the MLflow that made it, and name that: MLFLOW_TRACKING_URI=http://HOST:PORT"
    )


def _revision(database: Path) -> str | None:
    """What a database says of its tables; None: nothing."""
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        if ("alembic_version",) not in connection.execute(TABLES).fetchall():
            return None
        row = connection.execute(REVISION).fetchone()
    return None if row is None else str(row[0])


def _known() -> tuple[str, set[str]]:
    """The last change of tables that the MLflow at hand knows, and all of them."""
    package = find_spec("mlflow")
    if package is None or package.origin is None:
        raise UsageError("MLflow is needed. Install it: make setup")
    texts = [
        path.read_text(encoding="utf-8")
        for path in (Path(package.origin).parent / MIGRATIONS).glob("*.py")
    ]
    told = [pair for text in texts for pair in CHANGE.findall(text)]
    known = {name for kind, name in told if kind == "revision"}
    (newest,) = known - {name for kind, name in told if kind == "down_revision"}
    return newest, known
