"""Addresses of SQLite databases: from a path, and back to it."""

from pathlib import Path
from urllib.parse import quote, unquote

SQLITE = "sqlite"
MEANT = "?%{}"
"""Characters that SQLAlchemy, Optuna or MLflow take for their own in an address."""
URI = "uri=true"
"""In an address's query: what stands before it is percent-encoded, after `file:`."""


def sqlite(path: Path, driver: str = SQLITE) -> str:
    """The address, as SQLAlchemy takes it, of a database by its file, whatever that is called.

    A slash is encoded like the rest: MLflow makes the folders that it sees in an address.
    """
    name = str(path.absolute())
    if any(character in name for character in MEANT):
        return f"{driver}:///file:{quote(name, safe='')}?{URI}"
    return f"{driver}:///{name}"


def sqlite_path(address: str) -> Path | None:
    """The file of an SQLite database by its address; None: it is another kind of address."""
    prefix = f"{SQLITE}:///"
    if not address.startswith(prefix):
        return None
    name, _, query = address.removeprefix(prefix).partition("?")
    if URI in query.split("&"):
        name = unquote(name.removeprefix("file:"))
    return Path(name).absolute()
