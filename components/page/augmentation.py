"""What training makes of an image."""

from components.figures.findings import Findings
from components.page import inline
from components.page.section import Section

WORDS = {0: "none", 1: "light", 2: "medium", 3: "strong"}


def augmentation(findings: Findings) -> Section:
    """The preview, and what of it the search chose."""
    chosen = findings.trials[findings.trials["chosen"]].iloc[0]
    given = findings.settings["augment"]
    magnitude = int(chosen["magnitude"])
    return Section(
        name="augmentation",
        title="Augmentation",
        content={
            "preview": inline.file(findings.files.preview),
            "size": findings.transform.size,
            "flip": given.horizontal_flip,
            "magnitude": magnitude,
            "word": WORDS.get(magnitude, ""),
        },
    )
