"""Addresses of databases lead to their files, whatever the folders are called."""

import optuna
import pytest
from sqlalchemy import create_engine, text

from components.frame import addresses

NAMES = [
    "plain",
    "a b",
    "my 100%20 sure? #1 é'",
    "%2e%2e",
    "a?uri=true",
    "{x}",
    "a&b=c",
    '"',
    "100%",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_database_lies_where_it_should_and_nothing_beside_it(name, tmp_path):
    """SQLAlchemy opens exactly that file."""
    file = tmp_path / name / "some.db"
    file.parent.mkdir()
    address = addresses.sqlite(file)
    engine = create_engine(address)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE one (two INTEGER)"))
    engine.dispose()
    assert file.stat().st_size > 0
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert addresses.sqlite_path(address) == file


@pytest.mark.parametrize("name", NAMES)
def test_a_study_lies_where_it_should(name, tmp_path, monkeypatch):
    """Optuna takes braces for places to fill."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / name / "study.db"
    file.parent.mkdir()
    optuna.create_study(storage=addresses.sqlite(file), study_name="one")
    assert file.is_file()
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_what_a_person_wrote_is_understood(tmp_path, monkeypatch):
    """Relative ones start at the present folder; what stands behind a question mark is no name."""
    monkeypatch.chdir(tmp_path)
    assert addresses.sqlite_path("sqlite:///a/b.db") == tmp_path / "a" / "b.db"
    assert addresses.sqlite_path("sqlite:////a/b.db?timeout=3").as_posix() == "/a/b.db"
    assert (
        addresses.sqlite_path("sqlite:///file:/a%20b.db?mode=ro&uri=true").as_posix() == "/a b.db"
    )
    assert addresses.sqlite_path("postgresql://host/name") is None
