"""The tables of images that stages hand on: parquet, sorted by path, the same bits each time."""

from pathlib import Path

import pandas as pd

from components.frame import files
from components.frame.errors import DataError

KEY = "path"
GROUP = "group"
"""The column, if any, that names what must stay in one split with each image."""


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Write a table, sorted by its `path` column, as parquet.

    Raises:
        DataError: a path stands in it twice.
    """
    twice = table.loc[table[KEY].duplicated(), KEY]
    if len(twice):
        raise DataError(
            f"{path.name} must name each image once, but names {twice.iloc[0]!r} again "
            f"({len(twice)} such). Give one of them another name."
        )
    with files.replacing(path) as temporary:
        table.sort_values(KEY).to_parquet(temporary, index=False)


def read_table(path: Path) -> pd.DataFrame:
    """Read what `write_table` wrote."""
    return pd.read_parquet(path)
