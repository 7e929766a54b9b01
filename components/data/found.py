"""What a source was found to hold, in a few lines for a person, however many classes it has."""

from collections.abc import Iterable, Iterator
from math import prod

import pandas as pd

from components.data.kinds import SUFFIXES, counted, ending, is_hidden
from components.data.layout import imageless

NAMED = 12
"""So many classes are told one by one; of more, the `ENDS` largest and smallest."""
ENDS = 3
FOLDERS = 10
"""So many folders without an image are named."""


def lines(table: pd.DataFrame, others: list[str]) -> Iterator[str]:
    """Classes, splits and sizes of a manifest's images; then what else there was, by name."""
    yield _classes(_counted(table["class"]))
    if table["subset"].notna().any():
        yield f"splits that it brings: {_listed(_counted(table['subset']))}"
    yield _sizes(table[["width", "height"]].dropna(), len(table))
    yield from _others(table["path"], others)


def _classes(counts: list[tuple[str, int]]) -> str:
    if len(counts) <= NAMED:
        return f"classes: {_listed(counts)}"
    ordered = sorted(counts, key=lambda one: -one[1])
    largest, smallest = ordered[:ENDS], ordered[: -ENDS - 1 : -1]
    return f"largest classes: {_listed(largest)}; smallest: {_listed(smallest)}"


def _counted(names: "pd.Series[str]") -> list[tuple[str, int]]:
    """How often each stands there, by name."""
    counts = names.value_counts().sort_index()
    return [(str(name), int(number)) for name, number in counts.items()]


def _listed(counts: Iterable[tuple[str, int]]) -> str:
    """`cat (12), dog (1,200)`; a name that cannot be printed as it is stands in quotes."""
    return ", ".join(
        f"{name if name.isprintable() else repr(name)} ({number:,})" for name, number in counts
    )


def _sizes(sizes: pd.DataFrame, images: int) -> str:
    """The smallest and the largest by their pixels."""
    if sizes.empty:
        return "no image tells its size"
    sides = [(int(width), int(height)) for width, height in sizes.to_numpy()]
    least, most = (_size(pick(sides, key=prod)) for pick in (min, max))
    silent = images - len(sizes)
    told = f"sizes: {least} to {most} pixels" if least != most else f"sizes: {least} pixels each"
    return f"{told}; {silent:,} do not tell theirs" if silent else told


def _size(sides: tuple[int, int]) -> str:
    return f"{sides[0]:,} x {sides[1]:,}"


def _others(images: Iterable[str], others: list[str]) -> Iterator[str]:
    """What is no image, and what is one only by its content."""
    unnamed = [name for name in images if ending(name) not in SUFFIXES]
    if unnamed:
        yield f"images by their content: {counted(unnamed)}"
    passed = [name for name in others if is_hidden(name) or not name.endswith("/")]
    if passed:
        yield f"passed over, being no images that can be read: {counted(passed)}"
    empty = imageless(images, others)
    if empty:
        more = f" and {len(empty) - FOLDERS} more" if len(empty) > FOLDERS else ""
        yield f"folders without an image: {', '.join(map(repr, empty[:FOLDERS]))}{more}"
