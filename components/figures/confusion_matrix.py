"""The confusion matrix as a figure that can be read for two classes and for hundreds."""

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from components.figures.findings import Findings
from components.figures.lettering import legible
from components.figures.palette import RIGHT, VERMILION, WRONG
from components.figures.sheet import (
    GRID,
    INK,
    LONGEST,
    PAPER,
    QUIET,
    sheet,
    shortened,
    thinned,
)
from components.tasks.classification import Classification

NUMBERED = 25
"""Beyond this many classes the fields hold no numbers."""
MOST_TICKS = 110
PAIRS_PER_INCH = 2.4
"""Confusions listed beside the matrix, by its height."""
SHORT = 15
"""Characters of a class's name in that list."""
DARK = 0.45
"""Shade from which numbers are written in the colour of the paper."""

Counts = NDArray[np.int64]
Shades = NDArray[np.float64]


def draw_matrix(findings: Findings, path: Path) -> None:
    """Which class of the test images was taken for which."""
    names, counts = tally(findings)
    save_matrix(path, counts, names)


def tally(findings: Findings) -> tuple[list[str], Counts]:
    """The classes, and how many test images of each (rows) were taken for which (columns)."""
    names = list(cast("Classification", findings.task).classes)
    pairs, known = findings.table("confusion"), pd.Index(names)
    rows, columns = (known.get_indexer(pd.Index(pairs[key])) for key in ("true", "predicted"))
    counts = np.zeros((len(names), len(names)), dtype=np.int64)
    np.add.at(counts, (rows, columns), 1)
    return names, counts


def save_matrix(path: Path, counts: Counts, names: Sequence[str]) -> None:
    """Rows are true classes, columns predicted ones; beside it the commonest confusions.

    Args:
        path: of the PNG.
        counts: images, shape (classes, classes).
        names: of the classes.
    """
    names = legible(names)
    widest = min(LONGEST, max(map(len, names)))
    side = float(np.clip(1.6 + 0.4 * len(names) + 0.06 * widest, 4.2, 10.5))
    remark = (
        f"{np.trace(counts):,} of {counts.sum():,} test images are right. Blue: the fraction of a "
        "true class that is right; orange: what was taken for another, small fractions darkened."
    )
    beside = 2 + 0.14 * min(SHORT, widest)
    with sheet(path, (side + beside, side + 0.55), "Confusion matrix", remark, names) as figure:
        matrix, pairs = figure.subplots(1, 2, width_ratios=[side, 2])
        _draw(matrix, counts, names, side)
        _list(pairs, counts, names, round(side * PAIRS_PER_INCH))


def confusions(counts: Counts, most: int) -> list[tuple[int, int]]:
    """The commonest pairs of true and predicted class, the commonest first."""
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    places = np.argsort(-wrong, axis=None, kind="stable")[:most]
    pairs = [(int(place) // len(counts), int(place) % len(counts)) for place in places]
    return [pair for pair in pairs if wrong[pair] > 0]


def shades(counts: Counts) -> Shades:
    """How dark each field is, 0 to 1: the fraction of its row, off the diagonal its square root.

    A fraction of 1 % would not be seen otherwise, and those are what one looks for.
    """
    fractions: Shades = counts / np.maximum(1, counts.sum(1, keepdims=True))
    return np.where(np.eye(len(counts), dtype=bool), fractions, np.sqrt(fractions))


def _draw(axis: Axes, counts: Counts, names: list[str], side: float) -> None:
    dark = shades(counts)
    diagonal = np.eye(len(names), dtype=bool)[..., None]
    axis.imshow(np.where(diagonal, RIGHT(dark), WRONG(dark)), interpolation="nearest")
    axis.grid(visible=False)
    axis.spines[:].set_visible(True)
    places, labels = thinned(names, MOST_TICKS)
    size = float(np.clip(45 * side / len(places), 4.5, 8.5))
    turned = max(map(len, labels)) > 2  # noqa: PLR2004  # longer ones would touch
    axis.set_xticks(places, labels, rotation=90 if turned else 0, fontsize=size)
    axis.set_yticks(places, labels, fontsize=size)
    axis.set(xlabel="predicted", ylabel="true", anchor="NW")
    if len(names) <= NUMBERED:
        _rule(axis, len(names))
        _number(axis, counts, dark)


def _rule(axis: Axes, classes: int) -> None:
    """Lines between the fields."""
    edges = np.arange(classes + 1) - 0.5
    axis.set_xticks(edges, minor=True)
    axis.set_yticks(edges, minor=True)
    axis.grid(visible=True, which="minor", color=GRID, lw=0.8)
    axis.tick_params(which="both", length=0)


def _number(axis: Axes, counts: Counts, dark: Shades) -> None:
    for (row, column), count in np.ndenumerate(counts):
        if count:
            ink = PAPER if dark[row, column] > DARK else INK
            axis.text(column, row, f"{count:,}", ha="center", va="center", color=ink, fontsize=8)


def _list(axis: Axes, counts: Counts, names: list[str], most: int) -> None:
    """The commonest confusions as bars."""
    pairs = confusions(counts, most)
    axis.set_title("Commonest confusions", loc="right")
    if not pairs:
        axis.set_axis_off()
        axis.text(0, 0.97, "none", transform=axis.transAxes, va="top", color=QUIET)
        return
    values = [int(counts[pair]) for pair in pairs]
    labels = [" → ".join(shortened(names[one], SHORT) for one in pair) for pair in pairs]
    axis.barh(range(len(pairs)), values, height=0.62, color=VERMILION)
    axis.set_yticks(range(len(pairs)), labels)
    axis.set(ylim=(most - 0.4, -0.6), xlim=(0, max(values) * 1.35), xticks=[])
    for place, (true, predicted) in enumerate(pairs):
        text = f" {counts[true, predicted]:,} of {counts[true].sum():,}"
        axis.text(values[place], place, text, va="center", fontsize=8, color=QUIET)
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    axis.grid(visible=False)
