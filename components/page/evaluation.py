"""What the network is worth on images that nothing was chosen by."""

from typing import Any

from components.figures.findings import Findings
from components.page.section import Advice, Section

NAMED = {
    "macro_precision": "macro precision",
    "macro_recall": "macro recall",
    "macro_f1": "macro F1",
    "roc_auc": "ROC AUC, one against the rest",
    "log_loss": "log loss",
    "calibration_error": "calibration error",
}
"""Metrics by what a person calls them; others bear their own names."""
APART = frozenset({"images", "confidence_level", "majority_fraction"})
"""Told elsewhere."""
WIDE = 0.02
"""Half an interval of a fraction that is worth a word."""


def score_of(findings: Findings) -> dict[str, Any]:
    """The score on the test images with its interval, shown and as numbers."""
    name, metrics = findings.scores.name, findings.metrics
    value, low, high = (metrics[key] for key in (name, f"{name}_low", f"{name}_high"))
    return {
        "name": name,
        "value": value,
        "low": low,
        "high": high,
        "shown": [findings.scores.shown(one) for one in (value, low, high)],
        "fraction": findings.scores.fraction,
        "level": metrics.get("confidence_level"),
        "images": metrics["images"],
        "beside": findings.task.beside(metrics),
    }


def evaluation(findings: Findings) -> Section:
    """Every metric, and how sure the score is."""
    score = score_of(findings)
    own = {score["name"], f"{score['name']}_low", f"{score['name']}_high"}
    metrics = [
        (NAMED.get(key, key.replace("_", " ")), f"{value:.3f}")
        for key, value in findings.metrics.items()
        if key not in own | APART
    ]
    return Section(
        name="evaluation",
        title="Evaluation",
        content={"score": score, "metrics": metrics, "limits": findings.task.limits({})},
        advice=tuple(_unsure(score, findings)),
    )


def _unsure(score: dict[str, Any], findings: Findings) -> list[Advice]:
    """A wide interval hides what a change is worth; it narrows with the root of the images."""
    half = (score["high"] - score["low"]) / 2
    if not score["fraction"] or half <= WIDE:
        return []
    images, fraction = score["images"], findings.settings["split"].test_fraction
    more = round(images * ((half / WIDE) ** 2 - 1), -1)
    return [
        Advice(
            title="Measure on more images",
            reason=(
                f"The interval reaches from {score['shown'][1]} to {score['shown'][2]}: smaller "
                f"differences between two models are chance. For {100 * WIDE:.0f} points to either "
                f"side it takes about {more:,.0f} more test images, so about "
                f"{more / fraction:,.0f} more in all at this split."
            ),
            weight=0.4,
        )
    ]
