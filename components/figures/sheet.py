"""The one design of every figure: a sheet of paper, one way to write on it and to be saved.

A figure is a light sheet with round corners, transparent around them: it stands on a light page
and on a dark one alike, and there is one file to compare, not two (docs/decisions/0005).
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import wrap
from unicodedata import east_asian_width

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import FancyBboxPatch
from matplotlib.patheffects import withStroke
from matplotlib.transforms import Affine2D
from numpy.typing import NDArray

from components.figures import lettering
from components.frame import files

INK, QUIET, RULE, GRID, PAPER = "#1F2328", "#59636E", "#C9CFD6", "#ECEEF1", "#FDFDFC"
"""Text, lesser text (5.9 to 1 on paper), lines, the grid, and the sheet."""
DPI = 130
CORNER = 9
"""Radius of the sheet's corners, points."""
POINTS_PER_INCH = 72
MARGIN, LINE = 0.16, 0.165
"""Between the sheet's edge and what stands on it, and a line of the remark, inches."""
CHARACTERS_PER_INCH = 14.5
"""Of the remark."""
SETTINGS = {
    "font.size": 9,
    "axes.labelsize": 9,
    "axes.labelcolor": QUIET,
    "axes.titlesize": 9.5,
    "axes.titlecolor": INK,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": RULE,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.xmargin": 0.04,
    "axes.ymargin": 0.08,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "text.color": INK,
    "text.parse_math": False,  # a class may be called `$a$`
    "xtick.color": RULE,
    "ytick.color": RULE,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "lines.linewidth": 1.8,
    "lines.markersize": 4,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "figure.facecolor": "none",
}

LONGEST = 22
"""Characters of a name on an axis; one of Chinese or Japanese takes the place of two."""
HALO = [withStroke(linewidth=3, foreground=PAPER)]
"""Around words that stand on lines."""

Image = NDArray[np.uint8]


@contextmanager
def sheet(
    path: Path, size: tuple[float, float], title: str, remark: str = "", names: Iterable[str] = ()
) -> Iterator[Figure]:
    """A figure of so many inches, its title and a remark below it; written when the block ends.

    Args:
        path: of the PNG.
        size: width and height, inches.
        title: in one line.
        remark: sentences.
        names: those of a person's own that stand on it, in whatever script.
    """
    with rc_context({**SETTINGS, "font.family": lettering.families("".join(names))}):
        figure = Figure(figsize=size)
        _head(figure, title, remark)
        yield figure
        _lay_paper(figure)
        _save(figure, path)


def show(axis: Axes, image: Image) -> None:
    """An image alone, its pixels as they are."""
    axis.imshow(image, interpolation="nearest")
    axis.grid(visible=False)
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_visible(False)


def percent(fraction: float, _place: float = 0) -> str:
    """A tick of an axis of fractions: no more digits than it needs."""
    return f"{100 * fraction:g}%"


def plain(value: float, _place: float = 0) -> str:
    """A tick of a logarithmic axis: 0.003, not a power of ten."""
    return f"{value:g}"


def signed(value: float) -> str:
    """One digit after the point, with a sign that is as wide as a plus."""
    return f"{value:+.1f}".replace("-", "\N{MINUS SIGN}")


def thinned(names: list[str], most: int) -> tuple[list[int], list[str]]:
    """Places and names of so many ticks at most, evenly spaced from the first on."""
    step = -(-len(names) // most)
    places = list(range(0, len(names), step))
    return places, [shortened(names[place]) for place in places]


def shortened(name: str, longest: int = LONGEST) -> str:
    """A name with its middle left out where it is long: names often differ at their ends."""
    width = sum(2 if east_asian_width(letter) in "WF" else 1 for letter in name)
    longest = longest * len(name) // max(1, width)
    if len(name) <= longest:
        return name
    half = (longest - 1) // 2
    return f"{name[:half]}…{name[-half:]}"


def _head(figure: Figure, title: str, remark: str) -> None:
    """The title in bold and quiet lines below it; what is drawn gets the room they leave."""
    width, height = figure.get_size_inches()
    lines = wrap(remark, int((width - 2 * MARGIN) * CHARACTERS_PER_INCH))
    top = height - MARGIN
    figure.text(MARGIN / width, top / height, title, va="top", fontsize=12, fontweight="bold")
    figure.text(
        MARGIN / width,
        (top - 0.25) / height,
        "\n".join(lines),
        va="top",
        fontsize=8.5,
        color=QUIET,
        linespacing=1.35,
    )
    room = top - 0.3 - LINE * len(lines) - MARGIN
    inside = (MARGIN / width, MARGIN / height, 1 - 2 * MARGIN / width, room / height)
    figure.set_layout_engine(ConstrainedLayoutEngine(rect=inside))


def _lay_paper(figure: Figure) -> None:
    """The sheet itself, with a hairline that shows its edge on a white page."""
    width, height = figure.get_size_inches() * POINTS_PER_INCH
    points = Affine2D().scale(1 / POINTS_PER_INCH) + figure.dpi_scale_trans
    paper = FancyBboxPatch(
        (1, 1),
        width - 2,
        height - 2,
        boxstyle=f"round,pad=0,rounding_size={CORNER}",
        transform=points,
        facecolor=PAPER,
        edgecolor=RULE,
        linewidth=0.8,
        zorder=-10,
    )
    paper.set_in_layout(False)
    figure.add_artist(paper)


def _save(figure: Figure, path: Path) -> None:
    """Write a PNG whose bits depend on the figure alone."""
    with files.replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=DPI, metadata={"Software": None})
