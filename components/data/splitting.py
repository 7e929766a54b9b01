"""Splits that stay: each image's is decided by its content, or its group's name, alone."""

import hashlib
import unicodedata
from difflib import get_close_matches
from pathlib import Path

import numpy as np
import pandas as pd

from components.data.manifest import GROUP, read_table, write_table
from components.frame import files
from components.frame.errors import DataError, UsageError

IMBALANCED = 3.0
"""Times as many images as the smallest class that the largest has, from which on that is said."""
SPLITS = ("train", "val", "test")


def assign(
    images: Path,
    *,
    test_fraction: float,
    val_fraction: float,
    group_by: str | None,
    splits: Path,
    fractions: Path,
) -> None:
    """Choose splits by a hash of the content, so that no image ever moves as the data grows.

    A class too small for its fraction has images moved so that each split holds at least one; such
    classes are named. A split that the source brought stays, and a split that it lacks is drawn.

    Raises:
        UsageError: `group_by` misses an image.
        DataError: a group lies in several of the splits that the source brought, two classes have
            names that look the same, or one has no image to train on.
    """
    table = read_table(images)
    _check_names(sorted(table["class"].unique()))
    keys = _keys(group_by, table)
    table["position"] = keys.map(_position)
    _check_groups(table, group_by)
    table["split"] = _splits(table, test_fraction, val_fraction)
    small = [name for name in sorted(table["class"].unique()) if _fill_empty(table, name)]
    _check_learnable(table)
    grouped = table if group_by is None else table.assign(**{GROUP: keys})
    write_table(splits, grouped.drop(columns="position"))
    files.write_json(fractions, _report(table, small))
    print(", ".join(f"{split} {(table['split'] == split).sum():,}" for split in SPLITS))
    for name in small:
        print(f"class {name!r} is too small for its fraction: its splits may move as it grows")
    if said := imbalance(table.loc[table["split"] == "train", "class"].value_counts()):
        print(said)
    for split, number in _written_into(table).items():
        print(f"the {split} split that the source brought is written into: {number:,} images more")


def imbalance(images: "pd.Series[int]") -> str:
    """How far the largest class is from the smallest, and what to try; empty: not far.

    Args:
        images: to train on, by class, the largest class first.
    """
    most, fewest = images.iloc[0], images.iloc[-1]
    if len(images) == 1 or most < IMBALANCED * fewest:
        return ""
    return (
        f"classes are imbalanced, {most / fewest:.0f} to 1: from {fewest:,} images to train on "
        f"({images.index[-1]!r}) up to {most:,}. Where each class is to count the same: --set "
        "search.class_weights=balanced, and judge by macro_recall (balanced accuracy)"
    )


def _keys(pattern: str | None, table: pd.DataFrame) -> "pd.Series[str]":
    """What decides an image's split: its content, or the group that its name tells."""
    if pattern is None:
        return table["sha256"]
    keys = table["path"].str.extract(pattern, expand=True)[0]
    if keys.isna().any():
        raise UsageError(
            f"params/split.yaml: group_by {pattern!r} must match every name, but does not match "
            f"{table['path'][keys.isna()].iloc[0]!r} ({keys.isna().sum()} such)."
        )
    return keys


def _position(key: str) -> float:
    """A number in [0, 1) that depends on the key alone."""
    return int.from_bytes(hashlib.sha256(f"split {key}".encode()).digest()[:8]) / 2**64


def _check_groups(table: pd.DataFrame, pattern: str | None) -> None:
    if pattern is None:
        return
    for _, group in table.groupby("position"):
        if group["subset"].nunique() > 1:
            raise DataError(
                "a group must lie in one split of those that the source brought, but "
                f"{group['path'].iloc[0]!r} and {group['path'].iloc[-1]!r} belong together "
                "(split.group_by). Move one of them, or set split.group_by to null."
            )


def _check_names(names: list[str]) -> None:
    """Two folders of what a person takes for one class are two classes to a network."""
    seen: dict[str, str] = {}
    for name in names:
        plain = _plain(name)
        other = seen.setdefault(plain, name)
        if other != name:
            raise DataError(
                "names of classes must differ in more than case, blanks or the form of accents, "
                f"but {other!r} and {name!r} do not. Give both folders one name."
            )


def _plain(name: str) -> str:
    """A name without its case, the form of its accents, blanks, and signs that nobody sees."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return " ".join("".join(one for one in folded if unicodedata.category(one) != "Cf").split())


def _check_learnable(table: pd.DataFrame) -> None:
    """A class that is never trained on would be judged, and never named."""
    trained = set(table.loc[table["split"] == "train", "class"])
    for name, rows in table[~table["class"].isin(trained)].groupby("class"):
        near = get_close_matches(str(name), sorted(trained), n=1)
        hint = f" Is {near[0]!r} meant?" if near else ""
        raise DataError(
            f"every class must have an image to train on, but {name!r} has them in "
            f"{' and '.join(sorted(rows['split'].unique()))} alone.{hint} Bring some, or leave the "
            "class out."
        )


def _written_into(table: pd.DataFrame) -> dict[str, int]:
    """How many images went into each split that the source brought without them."""
    brought = [split for split in SPLITS[1:] if (table["subset"] == split).any()]
    more = {s: int(((table["split"] == s) & (table["subset"] != s)).sum()) for s in brought}
    return {split: number for split, number in more.items() if number}


def _splits(table: pd.DataFrame, test_fraction: float, val_fraction: float) -> "pd.Series[str]":
    """The split of each image: the one it was given, or one by its position."""
    brought = set(table["subset"].dropna())
    test = 0 if "test" in brought else test_fraction
    val = 0 if "val" in brought else val_fraction
    position = table["position"]
    drawn = np.select([position < test, position < test + val], ["test", "val"], "train")
    given = table["subset"].isin(["val", "test"])
    return table["subset"].where(given, drawn)


def _fill_empty(table: pd.DataFrame, name: str) -> bool:
    """Move an image of a class, with its group, to each split that has none.

    Returns:
        whether one had to be moved.
    """
    moved = False
    for split in SPLITS:
        rows = table[table["class"] == name]
        movable = rows[~rows["subset"].isin(["val", "test"])]
        donor = movable["split"].value_counts().reindex(SPLITS, fill_value=0).idxmax()
        if (rows["split"] == split).any() or (movable["split"] == donor).sum() <= 1:
            continue
        chosen = movable.loc[movable["split"] == donor, "position"].min()
        table.loc[table["position"] == chosen, "split"] = split
        moved = True
    return moved


def _report(table: pd.DataFrame, small: list[str]) -> dict[str, object]:
    fractions = table["split"].value_counts(normalize=True).reindex(SPLITS, fill_value=0)
    counts = table.groupby(["class", "split"]).size().unstack(fill_value=0)
    return {
        "fractions": {split: round(float(fractions[split]), 4) for split in SPLITS},
        "classes": {
            name: {split: int(row.get(split, 0)) for split in SPLITS}
            for name, row in counts.iterrows()
        },
        "too_small_for_their_fraction": small,
    }
