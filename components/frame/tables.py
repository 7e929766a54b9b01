"""Tables as CSV for programs, and aligned for a person."""

from pathlib import Path
from typing import TYPE_CHECKING

from components.frame import files

if TYPE_CHECKING:
    import pandas as pd


def write_csv(path: Path, table: "pd.DataFrame") -> None:
    """Write a table as CSV, floats with the digits that give back the same number."""
    files.write_text(path, table.to_csv(index=False, lineterminator="\n"))


def read_csv(path: Path, **types: type) -> "pd.DataFrame":
    """Read what `write_csv` wrote, floats to the bit.

    Args:
        path: of the file.
        types: of the columns whose content could be taken for another, such as names.
    """
    import pandas as pd

    return pd.read_csv(path, dtype=types)


def aligned(rows: list[list[str]]) -> list[str]:
    """Lines whose columns begin below each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
