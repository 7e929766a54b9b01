"""timm's networks that Thawline can train, from a table: nothing heavy is imported to name them.

`benchmarks/architectures.py` writes the table for the version of timm that is installed.
"""

import csv
from functools import cache
from pathlib import Path
from typing import NamedTuple

TABLE = Path(__file__).with_name("architectures.csv")


class Architecture(NamedTuple):
    """A row of the table."""

    name: str
    parameters: int
    size: int
    """Side of the images that its weights were trained at, pixels."""
    macs: int
    """Multiply-accumulates of one pass for one image of that size."""
    licence: str
    """Of timm's default weights; empty: there are none on the hub."""
    tags: str
    """Of the weights on the hub, the default first."""


@cache
def architectures() -> dict[str, Architecture]:
    """All of them by name."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        next(rows := csv.reader(file))
        return {
            name: Architecture(name, int(parameters), int(size), int(macs), licence, tags)
            for name, parameters, size, macs, licence, tags in rows
        }
