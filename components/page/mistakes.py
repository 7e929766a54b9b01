"""The worst mistakes, as images with the names of their files."""

from components.figures.findings import Findings
from components.figures.mistakes import gallery
from components.page import inline
from components.page.section import Advice, Section

SUSPECT = 0.95
"""Probability of a wrong class from which on the label is the first thing to look at."""
NAMED = 5
"""Files that are named where labels are doubted."""


def mistakes(findings: Findings) -> Section:
    """What was taken for something else, the most confident first."""
    shown = [
        {
            "image": inline.image(mistake.image),
            "path": mistake.path,
            "true": mistake.true,
            "predicted": mistake.predicted,
            "confidence": mistake.confidence,
        }
        for mistake in gallery(findings)
    ]
    return Section(
        name="mistakes",
        title="Worst mistakes",
        content={
            "shown": shown,
            "wrong": len(findings.mistakes),
            "images": findings.metrics["images"],
        },
        advice=tuple(_suspects(findings)),
    )


def _suspects(findings: Findings) -> list[Advice]:
    """What a network contradicts so surely is often labelled wrong (Northcutt et al. 2021)."""
    wrong = findings.mistakes
    sure = list(wrong.loc[wrong["probability"] >= SUSPECT, "path"])
    if not sure:
        return []
    more = f" and {len(sure) - NAMED:,} more" if len(sure) > NAMED else ""
    images = "image" if len(sure) == 1 else "images"
    return [
        Advice(
            title=f"Check the labels of {len(sure):,} {images}",
            reason=(
                f"Of {', '.join(sure[:NAMED])}{more} the network is {SUSPECT:.0%} sure or more, "
                "and contradicted by the label."
            ),
            weight=0.6,
        )
    ]
