"""Where a person's tracking store is: an address that MLflow can use here, or a sentence."""

import re
from urllib.parse import urlsplit

from components.frame import addresses
from components.frame.errors import UsageError

VARIABLE = "MLFLOW_TRACKING_URI"
SERVED = frozenset({"http", "https"})
PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}
"""Of the databases that run as servers."""
MEMORY = ":memory:"
"""A database that is gone with the process."""
PASSWORD = re.compile(r"(?<=://)([^:/@]*):[^@/]*@")


def checked(where: str) -> str:
    """The address itself, if it is one of a store that can hold runs and models.

    Whether it answers is another question. MLflow is not imported.

    Raises:
        UsageError: it is not.
    """
    if fault := _fault(where):
        raise UsageError(
            f"{VARIABLE} must name a server of MLflow (http://HOST:PORT) or a database "
            f"(sqlite:////PATH/mlflow.db, postgresql://HOST/NAME), but {public(where)!r} {fault}. "
            "Unset, the project's own store is used."
        )
    return where


def public(where: str) -> str:
    """An address without the password it may hold."""
    return PASSWORD.sub(r"\1:***@", where)


def _fault(where: str) -> str | None:
    """Why no store can be at an address; None: one can."""
    try:
        parts = urlsplit(where)
        named = bool(parts.hostname) and (parts.port or True)
    except ValueError as error:
        return f"is none ({error})"
    kind = parts.scheme.partition("+")[0]
    if kind in SERVED:
        return None if named and " " not in where else "names no host"
    if kind == addresses.SQLITE:
        file = addresses.sqlite_path(where.replace(parts.scheme, kind, 1))
        return "names no file" if not file or file.is_dir() or MEMORY in where else None
    if kind in PORTS:
        return _driver_fault(where)
    return "is neither"


def _driver_fault(where: str) -> str | None:
    """Why SQLAlchemy cannot speak with a database."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        dialect = make_url(where).get_dialect()
        dialect.import_dbapi()
    except (ArgumentError, ImportError, ValueError) as error:
        return f"has no driver here ({error})"
    return "has an asynchronous driver" if dialect.is_async else None
