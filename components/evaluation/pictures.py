"""Every figure of a report, in one design: quiet axes, one colour-blind safe palette."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from components import files

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#E69F00", "#009E73", "#9AA0A6"
"""Okabe & Ito 2008: told apart by colour-blind people too."""
INK, PAPER = "#202124", "#FFFFFF"
STYLE = {
    "font.family": "DejaVu Sans", "font.size": 10, "axes.titlesize": 11, "axes.titleweight": "bold",
    "axes.titlelocation": "left", "axes.spines.top": False, "axes.spines.right": False,
    "axes.edgecolor": GREY, "axes.labelcolor": INK, "text.color": INK, "xtick.color": INK,
    "ytick.color": INK, "axes.grid": True, "grid.color": "#E8EAED", "grid.linewidth": 0.8,
    "axes.axisbelow": True, "figure.facecolor": PAPER, "legend.frameon": False,
}  # fmt: skip
DPI = 110
MANY_CLASSES = 15
"""Beyond this many classes a confusion matrix shows no numbers."""

Picture = NDArray[np.uint8]


def save_sheet(
    path: Path, rows: Sequence[Sequence[Picture]], headings: Sequence[str], labels: Sequence[str]
) -> None:
    """Rows of square pictures, a heading over each column and a label before each row."""
    with rc_context(STYLE):
        figsize = (1 + len(headings) * 0.95, 0.5 + len(rows) * 0.95)
        figure = Figure(figsize=figsize, layout="constrained")
        axes = figure.subplots(len(rows), len(headings), squeeze=False)
        for row, (pictures, label) in enumerate(zip(rows, labels, strict=True)):
            for column, picture in enumerate(pictures):
                _show(axes[row, column], picture)
            axes[row, 0].set_ylabel(label, rotation=0, ha="right", va="center", fontsize=9)
        for column, heading in enumerate(headings):
            if column == 0 or heading != headings[column - 1]:
                axes[0, column].set_title(heading, fontsize=9, fontweight="normal")
        save(figure, path)


def save_mistakes(
    path: Path, pictures: Sequence[Picture], captions: Sequence[str], title: str
) -> None:
    """A gallery, the worst first."""
    columns = min(8, max(1, len(pictures)))
    lines = max(1, -(-len(pictures) // columns))
    with rc_context(STYLE):
        figure = Figure(figsize=(max(5, columns * 1.35), 0.6 + lines * 1.75), layout="constrained")
        axes = figure.subplots(lines, columns, squeeze=False).ravel()
        for axis in axes:
            axis.set_axis_off()
        for axis, picture, caption in zip(axes, pictures, captions, strict=False):
            axis.set_axis_on()
            _show(axis, picture)
            axis.set_xlabel(caption, fontsize=7.5)
        figure.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=11)
        save(figure, path)


def save_confusion(path: Path, counts: NDArray[np.int64], names: Sequence[str]) -> None:
    """Rows are true classes, columns predicted ones; the shade is the share of the row."""
    shares = counts / np.maximum(1, counts.sum(1, keepdims=True))
    side = 2.2 + 0.42 * min(len(names), 40)
    with rc_context(STYLE):
        figure = Figure(figsize=(side + 0.6, side), layout="constrained")
        axis = figure.subplots()
        axis.grid(visible=False)
        axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        axis.set_xticks(range(len(names)), names, rotation=45, ha="right")
        axis.set_yticks(range(len(names)), names)
        axis.set(xlabel="predicted", ylabel="true", title="Test pictures by class")
        if len(names) <= MANY_CLASSES:
            _write_counts(axis, counts, shares)
        save(figure, path)


def save_learning(
    path: Path, epochs: Sequence[int], train: Sequence[float], validation: Sequence[float],
    best: int,
) -> None:  # fmt: skip
    """Training and validation accuracy by epoch, the kept epoch marked and its gap named."""
    gap = train[best - 1] - validation[best - 1]
    with rc_context(STYLE):
        figure = Figure(figsize=(6.4, 3.8), layout="constrained")
        axis = figure.subplots()
        axis.plot(epochs, train, color=ORANGE, marker="o", ms=3.5, label="training (augmented)")
        axis.plot(epochs, validation, color=BLUE, marker="o", ms=3.5, label="validation")
        axis.axvline(best, color=GREY, lw=1, ls="--")
        axis.annotate(
            f"kept: epoch {best}, {validation[best - 1]:.1%}\ngap {gap * 100:+.1f} points",
            (best, validation[best - 1]), (6, -34), textcoords="offset points", fontsize=8.5,
        )  # fmt: skip
        axis.set(xlabel="epoch", ylabel="accuracy", title="Learning curves")
        axis.legend(loc="lower right")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        save(figure, path)


def _show(axis: Axes, picture: Picture) -> None:
    axis.imshow(picture, interpolation="nearest")
    axis.grid(visible=False)
    axis.set_xticks([])
    axis.set_yticks([])
    for spine in axis.spines.values():
        spine.set_visible(False)


def _write_counts(axis: Axes, counts: NDArray[np.int64], shares: NDArray[np.float64]) -> None:
    for (row, column), count in np.ndenumerate(counts):
        if count:
            ink = PAPER if shares[row, column] > 0.5 else INK  # noqa: PLR2004  # half the shade
            axis.text(column, row, str(count), ha="center", va="center", color=ink, fontsize=8)


def save(figure: Figure, path: Path) -> None:
    """Write a PNG whose bits depend on the figure alone."""
    with files.replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=DPI, metadata={"Software": None})
