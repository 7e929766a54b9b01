"""What training makes of an image."""

from components.data.images.decoder import read
from components.figures.findings import Findings
from components.page import inline
from components.page.section import Section

WORDS = {0: "none", 1: "light", 2: "medium", 3: "strong"}
POLICIES = {
    "light": "",
    "trivial": "one operation at random (TrivialAugment)",
    "rand": "two operations at random (RandAugment)",
}
"""What draws, where it is worth a word."""


def augmentation(findings: Findings) -> Section:
    """The preview, and what of it the search chose."""
    chosen = findings.trials[findings.trials["chosen"]].iloc[0]
    given = findings.settings["augment"]
    magnitude = int(chosen["magnitude"])
    preview = read(findings.files.preview)
    height, width = preview.shape[:2]
    return Section(
        name="augmentation",
        title="Augmentation",
        content={
            "preview": inline.image(preview),
            "width": width,
            "height": height,
            "size": findings.transform.size,
            "flip": findings.augmentation.mirrored,
            "why": findings.augmentation.mirroring,
            "upside_down": given.vertical_flip,
            "policy": POLICIES.get(given.policy, "a pipeline of your own"),
            "magnitude": magnitude,
            "word": WORDS.get(magnitude, ""),
        },
    )
