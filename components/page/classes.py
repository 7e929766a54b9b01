"""How well each class is found, the weakest first."""

from typing import Any

import pandas as pd

from components.figures.findings import Findings
from components.page import charts
from components.page.charts import Box, Chart
from components.page.section import Advice, Section

BOX = Box(width=300, height=240, left=44)
FEW = 0.5
"""Of the training images that a class has in the middle: fewer are few."""
OFF = 0.05
"""Calibration error from which probabilities are not to be taken as they stand."""


def classes(findings: Findings) -> Section:
    """Recall with its interval, precision and F1 by class; and whether confidence is earned."""
    table = _table(findings)
    return Section(
        name="classes",
        title="Weakest classes",
        content={
            "rows": table.to_dict("records"),
            "level": findings.metrics["confidence_level"],
            "calibration": _calibration(findings),
            "error": findings.metrics["calibration_error"],
        },
        advice=(*_weak(findings, table), *_sure(findings)),
    )


def _table(findings: Findings) -> pd.DataFrame:
    cells = findings.table("classes")
    table = cells.drop(columns="class").apply(pd.to_numeric, errors="coerce")
    table["name"] = cells["class"]
    train = findings.splits.loc[findings.splits["split"] == "train", "class"].value_counts()
    table["train"] = table["name"].map(train).fillna(0).astype(int)
    ordered: pd.DataFrame = table.sort_values(["f1", "name"], kind="stable")
    return ordered


def _weak(findings: Findings, table: pd.DataFrame) -> list[Advice]:
    """A class that is found clearly less often than the others, and why that may be."""
    seen = table[table["images"] > 0]
    overall = float(findings.metrics[findings.scores.name])
    weak = seen[seen["recall_high"] < overall].sort_values("recall", kind="stable")
    if weak.empty:
        return []
    worst = weak.iloc[0]
    few = worst["train"] < FEW * table["train"].median()
    trained = f"It has {worst['train']:,} training images, the class in the middle "
    return [
        Advice(
            title=f"Work on {worst['name']} first",
            reason=(
                f"{worst['recall']:.0%} of its images are found "
                f"({worst['recall_low']:.0%} to {worst['recall_high']:.0%}), of all {overall:.0%}. "
                f"{trained}{table['train'].median():,.0f}: "
                + (
                    "bring more of it."
                    if few
                    else "it is not rare, so look at what it is taken for."
                )
            ),
            weight=0.75,
        )
    ]


def _sure(findings: Findings) -> list[Advice]:
    error = float(findings.metrics["calibration_error"])
    if error < OFF:
        return []
    return [
        Advice(
            title="Do not take probabilities as they stand",
            reason=(
                f"Confidence and the fraction that is right differ by {error:.1%} on average. "
                "Choose a threshold on images of your own before anything depends on a probability."
            ),
            weight=0.35,
        )
    ]


def _calibration(findings: Findings) -> Chart:
    """How often predictions of each confidence are right."""
    bins = findings.table("calibration").astype(float)
    values = [*bins["confidence"], *bins["accuracy"], 0.0, 1.0]
    shown = findings.scores.tick
    x = charts.across(BOX, values, "confidence", shown, log=False)
    y = charts.upwards(BOX, values, "right", shown)
    marks = tuple(
        charts.Mark(
            x=x.at(row["confidence"]),
            y=y.at(row["accuracy"]),
            kind="full",
            told=f"{row['images']:.0f} images of {row['confidence']:.0%} confidence: "
            f"{row['accuracy']:.0%} right",
        )
        for row in bins.to_dict("records")
    )
    way: list[Any] = [*zip(bins["confidence"], bins["accuracy"], strict=True)]
    return Chart(
        title="Is confidence earned?",
        described="The fraction that is right by confidence; on the diagonal both are equal.",
        box=BOX,
        x=x,
        y=y,
        lines=(
            charts.line(x, y, [(0.0, 0.0), (1.0, 1.0)], "behind"),
            charts.line(x, y, way, "validation"),
        ),
        marks=marks,
    )
