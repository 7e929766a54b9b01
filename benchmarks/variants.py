"""Sets of images made harder in one way: few, unevenly many, or wrongly labelled."""

from collections.abc import Callable

import numpy as np
import pandas as pd

RATIO = 20.0
"""Images of the first class for one of the last where classes are imbalanced."""
FEW = 10
"""Images a class, train and validation together, where there are few."""
WRONG = 0.1
"""Fraction of the labels that are wrong, train and validation, where they are noisy."""
SEED = 0


def named(data: str) -> tuple[str, str]:
    """The kind, empty for none, and what the images are taken from."""
    kind, _, path = data.partition(":")
    return (kind, path) if kind in KINDS else ("", data)


def changed(kind: str, table: pd.DataFrame) -> pd.DataFrame:
    """The table of the images, made harder."""
    return KINDS[kind](table).reset_index(drop=True) if kind else table


def imbalanced(table: pd.DataFrame) -> pd.DataFrame:
    """Each class has fewer images than the one before, by the same factor; test stays."""
    classes = sorted(table["class"].unique())
    fractions = dict(zip(classes, np.geomspace(1, 1 / RATIO, len(classes)), strict=True))
    return _learnt(table, lambda rows: max(2, round(len(rows) * fractions[rows["class"].iloc[0]])))


def small(table: pd.DataFrame) -> pd.DataFrame:
    """The first few of each class, one in three for validation; test stays."""
    test = table[table["split"] == "test"]
    rest = table[table["split"] != "test"].groupby("class", sort=True).head(FEW).copy()
    place = rest.groupby("class").cumcount()
    rest["split"] = np.where(place % 3 == 2, "val", "train")  # noqa: PLR2004  # one in three
    return pd.concat([rest, test])


def noisy(table: pd.DataFrame) -> pd.DataFrame:
    """Some labels of what is learnt from are another class's."""
    drawn = np.random.default_rng(SEED)
    classes = sorted(table["class"].unique())
    wrong = (table["split"] != "test").to_numpy() & (drawn.random(len(table)) < WRONG)
    numbers = table["class"].map({name: number for number, name in enumerate(classes)}).to_numpy()
    moved = (numbers + drawn.integers(1, len(classes), len(table))) % len(classes)
    return table.assign(**{"class": np.where(wrong, np.array(classes)[moved], table["class"])})


def fewer(table: pd.DataFrame, most: int) -> pd.DataFrame:
    """So many images to learn from, the same fraction of every class and split; test stays."""
    fraction = min(1.0, most / int((table["split"] != "test").sum()))
    return _learnt(table, lambda rows: max(1, round(len(rows) * fraction))).reset_index(drop=True)


def _learnt(table: pd.DataFrame, keep: Callable[[pd.DataFrame], int]) -> pd.DataFrame:
    """Of each class and split but test only so many."""
    parts = [
        rows if split == "test" else rows.head(keep(rows))
        for (_, split), rows in table.groupby(["class", "split"], sort=True)
    ]
    return pd.concat(parts)


KINDS: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "imbalanced": imbalanced,
    "small": small,
    "noisy": noisy,
}
