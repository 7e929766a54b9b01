"""The figures of a run by name; a new one is a function in this room and a line here."""

import shutil
from collections.abc import Callable
from pathlib import Path

from components.figures.confusion_matrix import draw_matrix
from components.figures.findings import Findings
from components.figures.learning_curves import draw_learning
from components.figures.mistakes import draw_mistakes
from components.figures.search_curves import draw_curves
from components.figures.search_landscape import draw_front, draw_landscape

Draw = Callable[[Findings, Path], None]

FIGURES: dict[str, tuple[str, Draw]] = {
    "landscape": ("landscape.png", draw_landscape),
    "front": ("front.png", draw_front),
    "epochs": ("epochs.png", draw_curves),
    "learning": ("learning.png", draw_learning),
    "confusion_matrix": ("confusion_matrix.png", draw_matrix),
    "mistakes": ("mistakes.png", draw_mistakes),
}
"""The file of each, and what draws it."""
ALWAYS = ("landscape", "front", "epochs", "learning")
"""Drawn of every run; a task names those of its own."""


def draw_all(folder: Path, findings: Findings) -> None:
    """Draw the figures of a run, and nothing else that was in the folder stays."""
    shutil.rmtree(folder, ignore_errors=True)
    names = (*ALWAYS, *findings.task.figures)
    for name in names:
        file, draw = FIGURES[name]
        draw(findings, folder / file)
    print(f"{len(names)} figures")
