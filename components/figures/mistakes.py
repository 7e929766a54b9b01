"""The worst mistakes as a picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.axes import Axes

from components.figures.sheet import BLUE, QUIET, VERMILION, Picture, sheet, shortened, show

COLUMNS = 8
SIDE, CAPTION = 1.2, 0.46
"""Inches of a picture, and of what stands below it."""
LONGEST = 11
"""Characters of a class's name that fit below a picture."""


@dataclass(frozen=True)
class Mistake:
    """A picture that was taken for what it is not."""

    picture: Picture
    said: str
    certainty: float
    """Probability of the class that was said."""
    truth: str


def save_mistakes(path: Path, mistakes: Sequence[Mistake], wrong: int, of: int) -> None:
    """A gallery, in the order given; `wrong` pictures `of` all were mistaken, shown or not."""
    columns = min(COLUMNS, max(1, len(mistakes)))
    lines = max(1, -(-len(mistakes) // columns))
    size = (max(6.2, 0.3 + columns * SIDE), 0.85 + lines * (SIDE + CAPTION))
    verb = "is" if wrong == 1 else "are"
    remark = f"{wrong:,} of {of:,} test pictures {verb} wrong. " + _shown(len(mistakes), wrong)
    with sheet(path, size, "Worst mistakes", remark) as figure:
        axes = figure.subplots(lines, max(columns, int(size[0] / SIDE)), squeeze=False).ravel()
        for axis in axes:
            axis.set_axis_off()
        for axis, mistake in zip(axes, mistakes, strict=False):
            axis.set_axis_on()
            _draw(axis, mistake)
        if not mistakes:
            figure.text(0.5, 0.35, "Nothing to show: every one is right.", ha="center", color=QUIET)


def _shown(shown: int, wrong: int) -> str:
    if not wrong:
        return ""
    some = "All of them" if shown == wrong else f"The {shown:,} worst"
    return f"{some}, the surest first; the number is the probability given to the wrong class."


def _draw(axis: Axes, mistake: Mistake) -> None:
    """The picture, what was said of it, and below that what it is."""
    show(axis, mistake.picture)
    axis.set_xlabel(" \n ", fontsize=7.5)  # keeps the place of both lines
    said = f"said {shortened(mistake.said, LONGEST)}, {mistake.certainty:.0%}"
    for text, below, colour in (
        (said, -5, VERMILION),
        (f"is {shortened(mistake.truth, LONGEST)}", -15, BLUE),
    ):
        axis.annotate(
            text, (0.5, 0), (0, below), xycoords="axes fraction", textcoords="offset points",
            ha="center", va="top", fontsize=7, color=colour,
        ).set_in_layout(False)  # fmt: skip
