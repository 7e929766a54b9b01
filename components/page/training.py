"""How the final training went."""

from components.figures.findings import Findings
from components.figures.learning_curves import Curves, sentence
from components.figures.sheet import plain
from components.page import charts
from components.page.charts import Box, Chart, Shown
from components.page.section import Advice, Section

BOX = Box(right=74)
CLEAR = 2.0
"""So many standard errors apart, two scores are told apart."""
LATE = 0.25
"""The last part of a training over which its score may still rise."""


def training(findings: Findings) -> Section:
    """The learning curves, and whether they have come to rest."""
    history, scores = findings.history, findings.scores
    score = Curves(list(history["train_score"]), list(history["validation_score"]))
    loss = Curves(list(history["train_loss"]), list(history["validation_loss"]))
    network = findings.network
    return Section(
        name="training",
        title="Training",
        content={
            "network": network,
            "epochs": len(history),
            "sentence": sentence(score, findings.kept_epoch, scores),
            "fallback": findings.fallback,
            "charts": [
                _chart(score, scores.name.capitalize(), scores.tick),
                _chart(loss, "Loss", plain),
            ],
        },
        advice=(*_ahead(findings, score), *_rising(findings)),
    )


def _chart(curves: Curves, name: str, shown: Shown) -> Chart:
    """Training and validation by epoch."""
    x = charts.epochs(BOX, len(curves.train))
    y = charts.upwards(BOX, [*curves.train, *curves.validation], name.lower(), shown)
    lines = [
        charts.line(x, y, list(enumerate(values, start=1)), kind, kind)
        for kind, values in (("training", curves.train), ("validation", curves.validation))
    ]
    return Chart(
        title=name,
        described=f"{name} by epoch on the training and the validation images.",
        box=BOX,
        x=x,
        y=y,
        lines=charts.apart(lines, BOX.height - BOX.bottom),
    )


def _ahead(findings: Findings, score: Curves) -> list[Advice]:
    """Training far above validation: the network knows these images, not yet their kind."""
    kept = findings.kept_epoch - 1
    ahead = score.train[kept] - score.validation[kept]
    error = float(findings.history["validation_score_error"][kept])
    if ahead <= CLEAR * error:
        return []
    gap = findings.scores.difference(ahead)
    return [
        Advice(
            title="Let training see more variety",
            reason=(
                f"On training images the {findings.scores.name} is {gap} against validation "
                f"({ahead / error:.1f} standard errors): the network has learned these images "
                "better than their kind. More images help most; else let the search choose among "
                "stronger augmentation, or set search.mixup."
            ),
            setting="thawline run --set 'search.magnitude=[1, 2, 3]'",
            weight=0.7,
        )
    ]


def _rising(findings: Findings) -> list[Advice]:
    """A score that still rises at the last epoch was cut off."""
    scores, error = findings.history["validation_score"], findings.history["validation_score_error"]
    asked = findings.settings["train"].epochs
    before = scores[: max(1, round((1 - LATE) * len(scores)))].max()
    rise = float(scores.iloc[-1] - before)
    if len(scores) < asked or rise <= error.iloc[-1] or findings.kept_epoch < len(scores):
        return []
    return [
        Advice(
            title="Train longer",
            reason=(
                f"The validation {findings.scores.name} still rose by "
                f"{findings.scores.difference(rise)} in the last epochs."
            ),
            setting=f"thawline run --set train.epochs={2 * asked}",
            weight=0.8,
        )
    ]
