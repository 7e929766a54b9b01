"""A store that can never be used is told from one that is away, before anything is opened."""

import pytest

from components.frame.errors import UsageError
from flows.tracking import location

USABLE = (
    "http://127.0.0.1:5000",
    "https://me:secret@store.example/mlflow",
    "sqlite:////somewhere/mlflow.db",
    "sqlite:///mlflow.db?timeout=3",
    "sqlite+pysqlite:///mlflow.db",
)
UNUSABLE = (
    "./mlruns",
    "mlruns",
    "file:///somewhere/mlruns",
    "databricks",
    "uc:somewhere",
    "s3://bucket/mlruns",
    "ftp://127.0.0.1/mlruns",
    "postgres://host/name",
    "http://",
    "http://[bad",
    "http://host:port",
    "http://host/a b",
    "://",
    "sqlite://",
    "sqlite:///",
    "sqlite:///:memory:",
    "sqlite:///file::memory:?uri=true",
    "postgresql+asyncpg://host/name",
    "postgresql+nothing://host/name",
    "mysql://host:port/name",
)


@pytest.mark.parametrize("where", USABLE)
def test_a_server_and_a_database_are_taken(where):
    """Whether they answer is asked later."""
    assert location.checked(where) == where


@pytest.mark.parametrize("where", UNUSABLE)
def test_anything_else_is_refused(where):
    """With the value, and what to do."""
    with pytest.raises(UsageError) as caught:
        location.checked(where)
    assert repr(where) in str(caught.value)
    assert "MLFLOW_TRACKING_URI" in str(caught.value)


def test_no_password_is_shown():
    """Not in errors, and not in what is kept of a run; a port tells two stores apart."""
    assert location.public("http://me:secret@host:5000/a") == "http://me:***@host:5000/a"
    with pytest.raises(UsageError) as caught:
        location.checked("odd://me:secret@host")
    assert "secret" not in str(caught.value)
    assert location.public("http://host:5000/a@b") == "http://host:5000/a@b"
