"""What was learned from: images by class and split, their sizes, and what was left out."""

from typing import Any

import numpy as np
import pandas as pd

from components.figures.findings import Findings
from components.page.section import Advice, Section

SPLITS = {"train": "training", "val": "validation", "test": "test"}
MOST_LEFT_OUT = 20
"""Images left out that are listed; all are in the table."""
UNEVEN = 4
"""So many times the images of the smallest class in the largest are worth a word."""


def images(findings: Findings) -> Section:
    """How many images there are of what, and which were not used."""
    table, left_out = findings.splits, findings.quarantine
    truth = findings.task.truth(table)
    named = truth.dtype.kind not in "iuf"
    return Section(
        name="images",
        title="Images and split",
        content={
            "usable": len(table),
            "found": len(table) + len(left_out),
            "splits": [(name, int((table["split"] == key).sum())) for key, name in SPLITS.items()],
            "classes": _classes(table, truth) if named else [],
            "range": () if named else tuple(f"{one:g}" for one in truth.quantile([0, 0.5, 1])),
            "sizes": _sizes(table),
            "megabytes": table["bytes"].sum() / 1e6,
            "reasons": left_out["reason"].value_counts().sort_index().to_dict(),
            "left_out": left_out.head(MOST_LEFT_OUT).to_dict("records"),
            "more": max(0, len(left_out) - MOST_LEFT_OUT),
        },
        advice=tuple(_uneven(truth) if named else ()),
    )


def _classes(table: pd.DataFrame, truth: "pd.Series[Any]") -> list[dict[str, Any]]:
    """Each class with its images by split, the largest first."""
    counts = pd.crosstab(truth.astype(str), table["split"]).reindex(columns=[*SPLITS], fill_value=0)
    counts = counts.loc[counts.sum(axis=1).sort_values(ascending=False, kind="stable").index]
    largest = int(counts.sum(axis=1).max())
    return [
        {
            "name": name,
            "all": sum(splits),
            "splits": splits,
            "widths": [round(100 * count / largest, 2) for count in splits],
        }
        for name, splits in zip(counts.index.tolist(), counts.to_numpy().tolist(), strict=True)
    ]


def _sizes(table: pd.DataFrame) -> dict[str, int]:
    """Short sides of the images, pixels: the smallest, the one in the middle and the largest."""
    short = table[["width", "height"]].min(axis=1).dropna().astype(int)
    low, middle, high = np.quantile(short, [0, 0.5, 1]).astype(int).tolist()
    return {"low": low, "middle": middle, "high": high}


def _uneven(truth: "pd.Series[Any]") -> list[Advice]:
    """A class that is rare is learned last."""
    counts = truth.value_counts().sort_index().sort_values(kind="stable")
    if len(counts) == 0 or counts.iloc[-1] < UNEVEN * counts.iloc[0]:
        return []
    small, large = counts.index[0], counts.index[-1]
    return [
        Advice(
            title=f"Bring more images of {small}",
            reason=(
                f"It has {counts.iloc[0]:,} images where {large} has {counts.iloc[-1]:,}: the "
                "network sees it seldom, and its figures rest on few images."
            ),
            weight=0.55,
        )
    ]
