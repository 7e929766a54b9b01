"""The augmentation as a figure: what training makes of a few images."""

from collections.abc import Sequence
from pathlib import Path

from components.figures.sheet import QUIET, Image, sheet, shortened, show

TITLE = "What training sees"
REMARK = "One training image a row, then what may be drawn of it, by magnitude of augmentation."
SIDE, BETWEEN = 0.86, 0.14
"""Inches of an image, and between two groups of columns."""


def save_preview(
    path: Path, rows: Sequence[Sequence[Image]], headings: Sequence[str], labels: Sequence[str]
) -> None:
    """Rows of square images, a label before each; equal headings stand once over their group.

    Args:
        path: of the PNG.
        rows: images, as many in each row as there are headings.
        headings: one a column, equal ones side by side.
        labels: one a row.
    """
    columns = _columns(headings)
    width = 1.2 + SIDE * len(headings) + BETWEEN * (max(columns) + 1 - len(headings))
    size = (max(width, 6.2), 1.05 + SIDE * len(rows))
    ratios = [SIDE if column in columns else BETWEEN for column in range(max(columns) + 1)]
    with sheet(path, size, TITLE, REMARK, labels) as figure:
        grid = figure.subplots(len(rows), len(ratios), squeeze=False, width_ratios=ratios)
        for axis in grid.flat:
            axis.set_axis_off()
        for line, images, label in zip(grid, rows, labels, strict=True):
            for column, image in zip(columns, images, strict=True):
                line[column].set_axis_on()
                show(line[column], image)
            line[0].set_ylabel(shortened(label), rotation=0, ha="right", va="center", labelpad=7)
        for column, heading in zip(columns, headings, strict=True):
            if column == 0 or column - 1 not in columns:
                grid[0, column].set_title(heading, fontsize=8.5, color=QUIET)


def _columns(headings: Sequence[str]) -> list[int]:
    """The place of each heading's column, one left free wherever another heading begins."""
    places: list[int] = []
    for number, heading in enumerate(headings):
        begins = number > 0 and heading != headings[number - 1]
        places.append(places[-1] + 1 + begins if places else 0)
    return places
