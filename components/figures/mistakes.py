"""The worst mistakes as a figure."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from matplotlib.axes import Axes

from components.data.images.decoder import read
from components.figures.findings import Findings
from components.figures.lettering import legible
from components.figures.palette import BLUE, VERMILION
from components.figures.sheet import QUIET, Image, sheet, shortened, show
from components.tasks.classification import PROBABILITY, Classification

COLUMNS = 8
SIDE, CAPTION = 1.2, 0.6
"""Inches of an image, and of what stands below it."""
LONGEST = 11
"""Characters of a class's name that fit below an image."""


@dataclass(frozen=True)
class Mistake:
    """An image whose predicted class is not the true one."""

    image: Image
    predicted: str
    confidence: float
    """Probability of the predicted class."""
    true: str


def draw_mistakes(findings: Findings, path: Path) -> None:
    """The test images whose class was not found, the most confident first."""
    scored, transform = findings.predictions, findings.transform
    classes = cast("Classification", findings.task).classes
    shown = dict(zip(classes, legible(classes), strict=True))
    confidence = scored.filter(regex=f"^{PROBABILITY}").max(axis=1)
    wrong = scored.assign(confidence=confidence)[scored["score"] < 1]
    worst = wrong.sort_values(["confidence", "path"], ascending=[False, True])
    gallery = [
        Mistake(
            transform.crop(transform.shrink(read(findings.files.raw / row["path"]))),
            predicted=shown[str(row["predicted"])],
            confidence=float(row["confidence"]),
            true=shown[str(row["true"])],
        )
        for row in worst.head(findings.mistakes).to_dict("records")
    ]
    save_mistakes(path, gallery, len(wrong), len(scored))


def save_mistakes(path: Path, mistakes: Sequence[Mistake], wrong: int, of: int) -> None:
    """A gallery, in the order given; `wrong` images `of` all were mistaken, shown or not."""
    columns = min(COLUMNS, max(1, len(mistakes)))
    lines = max(1, -(-len(mistakes) // columns))
    size = (max(6.2, 0.3 + columns * SIDE), 0.85 + lines * (SIDE + CAPTION))
    verb = "is" if wrong == 1 else "are"
    remark = f"{wrong:,} of {of:,} test images {verb} wrong. " + _shown(len(mistakes), wrong)
    names = [name for mistake in mistakes for name in (mistake.predicted, mistake.true)]
    with sheet(path, size, "Worst mistakes", remark, names) as figure:
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
    return (
        f"{some}, the most confident first; confidence is the probability given to the wrong class."
    )


def _draw(axis: Axes, mistake: Mistake) -> None:
    """The image, and below it the predicted class, its probability and the true class."""
    show(axis, mistake.image)
    axis.set_xlabel(" \n \n ", fontsize=7.5)  # keeps the place of the lines
    for text, below, colour in (
        (f"predicted {shortened(mistake.predicted, LONGEST)}", -5, VERMILION),
        (f"confidence {mistake.confidence:.0%}", -15, VERMILION),
        (f"true {shortened(mistake.true, LONGEST)}", -25, BLUE),
    ):
        caption = axis.annotate(
            text,
            (0.5, 0),
            (0, below),
            xycoords="axes fraction",
            textcoords="offset points",
            ha="center",
            va="top",
            fontsize=7,
            color=colour,
        )
        caption.set_in_layout(False)
