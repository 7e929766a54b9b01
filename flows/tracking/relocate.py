"""Let the local store follow its folder: MLflow keeps absolute paths, projects move."""

import sqlite3
from contextlib import closing
from pathlib import Path

ARTIFACTS = "artifacts"
"""The folder beside the database in which all artifacts of the store lie."""
COLUMNS = {
    "experiments": "artifact_location",
    "runs": "artifact_uri",
    "logged_models": "artifact_location",
    "model_versions": "storage_location",
}
"""Where MLflow's database holds addresses below that folder."""


def follow(database: Path) -> bool:
    """Make a database point at the artifacts beside it; True if it pointed elsewhere.

    Only addresses of a folder `mlflow/artifacts` are changed, as this project makes them.
    """
    if not database.is_file():
        return False
    here = (database.parent / ARTIFACTS).as_uri()
    with closing(sqlite3.connect(database)) as connection, connection:
        elsewhere = _elsewhere(connection, here)
        for old in elsewhere:
            for table, column in COLUMNS.items():
                connection.execute(
                    f"UPDATE {table} SET {column} = ? || substr({column}, ?) "  # noqa: S608  # names of ours
                    f"WHERE {column} = ? OR substr({column}, 1, ?) = ?",
                    (here, len(old) + 1, old, len(old) + 1, f"{old}/"),
                )
    return bool(elsewhere)


def _elsewhere(connection: sqlite3.Connection, here: str) -> list[str]:
    """The addresses of other folders `mlflow/artifacts` in which experiments keep their files."""
    query = "SELECT name FROM sqlite_master WHERE name = 'experiments'"
    if connection.execute(query).fetchone() is None:
        return []
    rows = connection.execute("SELECT artifact_location FROM experiments").fetchall()
    ending = f"/mlflow/{ARTIFACTS}"
    addresses = {str(row[0]) for row in rows}
    return sorted(one for one in addresses if one != here and one.endswith(ending))
