"""The worst mistakes as a figure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import cast

import numpy as np
from matplotlib.axes import Axes

from components.data.images.decoder import read
from components.figures.findings import Findings
from components.figures.lettering import legible
from components.figures.palette import BLUE, VERMILION
from components.figures.sheet import QUIET, Image, sheet, shortened, show
from components.tasks.classification import Classification

COLUMNS = 8
SIDE, WIDEST, CAPTION = 1.2, 2.0, 0.72
"""Inches of an image among many, of one among few, and of what stands below it."""
NARROWEST = 6.2
"""Inches of the sheet, which its title needs."""
CHARACTERS_PER_INCH = 14.5
"""Of what stands below an image."""


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """An image whose predicted class is not the true one."""

    image: Image
    predicted: str
    confidence: float
    """Probability of the predicted class."""
    true: str
    path: str
    """Of the file, below the folder of the images."""


def draw_mistakes(findings: Findings, path: Path) -> None:
    """The test images whose class was not found, the most confident first."""
    classes = cast("Classification", findings.task).classes
    shown = dict(zip(classes, legible(classes), strict=True))
    found = gallery(findings)
    paths = legible([mistake.path for mistake in found])
    mistakes = [
        replace(one, predicted=shown[one.predicted], true=shown[one.true], path=name)
        for one, name in zip(found, paths, strict=True)
    ]
    save_mistakes(path, mistakes, len(findings.mistakes), findings.metrics["images"])


def gallery(findings: Findings) -> list[Mistake]:
    """The worst mistakes, each image as the network saw it."""
    transform = findings.transform
    return [
        Mistake(
            image=transform.crop(transform.shrink(read(findings.files.raw / row["path"]))),
            predicted=row["predicted"],
            confidence=row["probability"],
            true=row["true"],
            path=row["path"],
        )
        for row in findings.mistakes.head(findings.shown).to_dict("records")
    ]


def save_mistakes(path: Path, mistakes: Sequence[Mistake], wrong: int, of: int) -> None:
    """A gallery, in the order given; `wrong` images `of` all were mistaken, shown or not."""
    columns = min(COLUMNS, max(1, len(mistakes)))
    lines = max(1, -(-len(mistakes) // columns))
    side = float(np.clip((NARROWEST - 0.3) / columns, SIDE, WIDEST))
    size = (max(NARROWEST, 0.3 + columns * side), 0.85 + lines * (side + CAPTION))
    verb = "is" if wrong == 1 else "are"
    remark = f"{wrong:,} of {of:,} test images {verb} wrong. " + _shown(len(mistakes), wrong)
    names = [name for one in mistakes for name in (one.predicted, one.true, one.path)]
    with sheet(path, size, "Worst mistakes", remark, names) as figure:
        axes = figure.subplots(lines, max(columns, int(size[0] / side)), squeeze=False).ravel()
        for axis in axes:
            axis.set_axis_off()
        for axis, mistake in zip(axes, mistakes, strict=False):
            axis.set_axis_on()
            _draw(axis, mistake, int(side * CHARACTERS_PER_INCH))
        if not mistakes:
            figure.text(0.5, 0.35, "Nothing to show: every one is right.", ha="center", color=QUIET)


def _shown(shown: int, wrong: int) -> str:
    if not wrong:
        return ""
    some = "All of them" if shown == wrong else f"The {shown:,} worst"
    return (
        f"{some}, the most confident first; confidence is the probability given to the wrong class."
    )


def _draw(axis: Axes, mistake: Mistake, longest: int) -> None:
    """The image, and below it the predicted class, its probability, the true class, the file."""
    show(axis, mistake.image)
    axis.set_xlabel(" \n \n \n ", fontsize=7.5)  # keeps the place of the lines
    for text, below, colour in (
        (f"predicted {shortened(mistake.predicted, longest - 7)}", -5, VERMILION),
        (f"confidence {mistake.confidence:.0%}", -15, VERMILION),
        (f"true {shortened(mistake.true, longest - 5)}", -25, BLUE),
        (shortened(PurePosixPath(mistake.path).name, longest), -35, QUIET),
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
