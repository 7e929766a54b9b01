"""A store of another version of MLflow is refused in a sentence, and nothing in it is changed."""

import shlex
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from components.frame import addresses, files
from components.frame.errors import UsageError
from flows.project import Project
from flows.tracking import schema, stores

MAKE_OLDER = """
import sys
from alembic import command
from mlflow.store.db.utils import _get_alembic_config
from mlflow.store.tracking.dbmodels.initial_models import Base
from sqlalchemy import create_engine

Base.metadata.create_all(create_engine(sys.argv[1]))
command.upgrade(_get_alembic_config(sys.argv[1]), sys.argv[2])
"""
OF_MLFLOW_2 = "f5a4f2784254"
"""What changed the tables last in MLflow 2.16."""


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "mit Leerzeichen %20" / "mlflow").mkdir(parents=True)
    return Project(tmp_path / "mit Leerzeichen %20")


def test_an_older_store_is_left_alone_until_a_person_brings_it_up_to_date(project):
    """MLflow alone would change it at once; what the sentence says to type does it."""
    database = project.mlflow / "mlflow.db"
    command = [sys.executable, "-c", MAKE_OLDER, addresses.sqlite(database), OF_MLFLOW_2]
    subprocess.run(command, check=True, capture_output=True)
    before = files.sha256(database)
    for ask in (stores.require_usable, stores.look, lambda one: stores.connect(one, "thawline")):
        with pytest.raises(UsageError, match="has those of an older one") as refused:
            ask(project)
    assert files.sha256(database) == before
    told = shlex.split(str(refused.value).rpartition(": ")[2])
    subprocess.run([sys.executable, "-m", *told], check=True, capture_output=True)
    stores.require_usable(project)
    assert stores.connect(project, "thawline").experiment


@pytest.mark.parametrize("mark", ["ffffffffffff", None])
def test_a_newer_store_or_none_is_refused(project, mark):
    """Also another program's database; nothing is added to it."""
    database = project.mlflow / "mlflow.db"
    stores.connect(project, "thawline")
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", [mark or ""])
        if mark is None:
            connection.execute("DROP TABLE alembic_version")
    before = files.sha256(database)
    for ask in (stores.require_usable, stores.look):
        with pytest.raises(UsageError, match="made by a newer one, or is no store"):
            ask(project)
    assert files.sha256(database) == before


def test_what_mlflow_itself_says_of_a_database_is_known():
    """Of a server's, which is not read here."""
    from mlflow.exceptions import MlflowException
    from mlflow.store.db import utils
    from sqlalchemy import create_engine

    with pytest.raises(MlflowException) as said:
        utils._verify_schema(create_engine("sqlite://"))
    assert stores.OTHER_TABLES.search(str(said.value))[1] == "None"
    assert schema.refusal("postgresql://host/name", utils._get_latest_schema_revision()) is None
