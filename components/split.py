"""Assign every picture to train, validation or test, once and for all."""

from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field, model_validator

from components.frame import files
from components.frame.errors import DataError, UsageError
from components.frame.params import Params
from components.frame.spec import In, Out
from components.frame.stage import run

if TYPE_CHECKING:
    import pandas as pd

SIDES = ("train", "val", "test")


class SplitParams(Params):
    """How large the sides are, and what has to stay together."""

    test_fraction: Annotated[float, Field(gt=0, lt=1)]
    """Share of the pictures kept for the one test, where the source brought no test side."""
    val_fraction: Annotated[float, Field(gt=0, lt=1)]
    """Share of the pictures on which models are selected, where the source brought none."""
    group_by: str | None
    """A regular expression with one group, such as `([^/]+)_[0-9]+[.]jpg$`: pictures whose names
    give the same text stay together (one person, one plant). `null`: each picture for itself."""

    @model_validator(mode="after")
    def _leaves_some_to_train(self) -> Self:
        if self.test_fraction + self.val_fraction >= 1:
            raise ValueError("`test_fraction + val_fraction < 1` must hold")
        return self


def split(params: SplitParams, *, pictures: In, splits: Out, shares: Out) -> None:
    """Choose sides by a hash of the content, so that no picture ever moves as the data grows.

    A class too small for its share has pictures moved so that each side holds at least one; such
    classes are named. A split that the source brought stays, and a side that it lacks is drawn.
    """
    from components.data.manifest import read_table, write_table

    table = read_table(pictures)
    table["position"] = _keys(params.group_by, table).map(_position)
    _check_groups(table, params.group_by)
    table["side"] = _sides(params, table)
    small = [name for name in sorted(table["class"].unique()) if _fill_empty(table, name)]
    write_table(splits, table.drop(columns="position"))
    files.write_json(shares, _report(table, small))
    print(", ".join(f"{side} {(table['side'] == side).sum():,}" for side in SIDES))
    for name in small:
        print(f"class {name!r} is too small for its share: its sides may move as it grows")


def _keys(pattern: str | None, table: "pd.DataFrame") -> "pd.Series[str]":
    """What decides a picture's side: its content, or the group that its name tells."""
    import re

    if pattern is None:
        return table["sha256"]
    try:
        found = table["path"].str.extract(pattern, expand=True)[0]
    except (re.error, ValueError) as error:
        raise UsageError(
            "params/split.yaml: group_by has to be a regular expression with one group, "
            f"but {pattern!r} is not: {error}."
        ) from None
    if found.isna().any():
        raise UsageError(
            f"params/split.yaml: group_by {pattern!r} has to match every name, but does not match "
            f"{table['path'][found.isna()].iloc[0]!r} ({found.isna().sum()} such)."
        )
    return found


def _position(key: str) -> float:
    """A number in [0, 1) that depends on the key alone."""
    import hashlib

    return int.from_bytes(hashlib.sha256(f"split {key}".encode()).digest()[:8]) / 2**64


def _check_groups(table: "pd.DataFrame", pattern: str | None) -> None:
    if pattern is None:
        return
    for _, group in table.groupby("position"):
        if group["subset"].nunique() > 1:
            raise DataError(
                "a group has to lie on one side of the split that the source brought, but "
                f"{group['path'].iloc[0]!r} and {group['path'].iloc[-1]!r} belong together "
                "(split.group_by). Move one of them, or set split.group_by to null."
            )


def _sides(params: SplitParams, table: "pd.DataFrame") -> "pd.Series[str]":
    import numpy as np

    brought = set(table["subset"].dropna())
    test = 0 if "test" in brought else params.test_fraction
    val = 0 if "val" in brought else params.val_fraction
    position = table["position"]
    drawn = np.select([position < test, position < test + val], ["test", "val"], "train")
    given = table["subset"].isin(["val", "test"])
    return table["subset"].where(given, drawn)


def _fill_empty(table: "pd.DataFrame", name: str) -> bool:
    """Move a picture of a class, with its group, to each side that has none.

    Returns:
        whether one had to be moved.
    """
    moved = False
    for side in SIDES:
        rows = table[table["class"] == name]
        movable = rows[~rows["subset"].isin(["val", "test"])]
        donor = movable["side"].value_counts().reindex(SIDES, fill_value=0).idxmax()
        if (rows["side"] == side).any() or (movable["side"] == donor).sum() <= 1:
            continue
        chosen = movable.loc[movable["side"] == donor, "position"].min()
        table.loc[table["position"] == chosen, "side"] = side
        moved = True
    return moved


def _report(table: "pd.DataFrame", small: list[str]) -> dict[str, object]:
    shares = table["side"].value_counts(normalize=True).reindex(SIDES, fill_value=0)
    counts = table.groupby(["class", "side"]).size().unstack(fill_value=0)
    return {
        "shares": {side: round(float(shares[side]), 4) for side in SIDES},
        "classes": {
            name: {side: int(row.get(side, 0)) for side in SIDES} for name, row in counts.iterrows()
        },
        "too_small_for_their_share": small,
    }


if __name__ == "__main__":
    run(split)
