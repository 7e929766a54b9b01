"""The sections of the page by name; a new one is a module, a template and a line here."""

from collections.abc import Callable

from components.figures.findings import Findings
from components.page.asked import asked
from components.page.augmentation import augmentation
from components.page.classes import classes
from components.page.confusions import confusions
from components.page.cost import cost
from components.page.evaluation import evaluation
from components.page.images import images
from components.page.mistakes import mistakes
from components.page.searching import search
from components.page.section import Section
from components.page.training import training

SECTIONS: dict[str, Callable[[Findings], Section]] = {
    "asked": asked,
    "images": images,
    "augmentation": augmentation,
    "search": search,
    "training": training,
    "evaluation": evaluation,
    "classes": classes,
    "confusions": confusions,
    "mistakes": mistakes,
    "cost": cost,
}
BEFORE = ("asked", "images", "augmentation", "search", "training", "evaluation")
"""On the page of every run, in this order; then those that the task asks for."""
AFTER = ("cost",)


def sections(findings: Findings) -> list[Section]:
    """Those of a run, in their order."""
    names = (*BEFORE, *findings.task.sections, *AFTER)
    return [SECTIONS[name](findings) for name in names]
