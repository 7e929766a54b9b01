"""Draw every figure of a run but the augmentation's preview, and write its page."""

from typing import Annotated

from pydantic import Field

from components.frame.params import Params
from components.frame.spec import In, Out, Settings
from components.frame.stage import run


class ReportParams(Params):
    """What the figures and the page show."""

    mistakes: Annotated[int, Field(ge=1, le=200)] = 24
    """Images in the gallery of the worst mistakes, at most."""


def report(
    params: ReportParams,
    *,
    settings: Settings,
    raw: In,
    splits: In,
    quarantine: In,
    augmentation: In,
    preview: In,
    trials: In,
    curves: In,
    decisions: In,
    importances: In,
    freeze_depths: In,
    history: In,
    training: In,
    network: In,
    metrics: In,
    mistakes: In,
    tables: In,
    figures: Out,
    index: Out,
) -> None:
    """Show what was asked and tried, how the training went, what it is worth, and what to do."""
    from components.figures.findings import Files, Findings
    from components.figures.registry import draw_all
    from components.page.write import write

    made = Files(
        raw=raw,
        splits=splits,
        quarantine=quarantine,
        augmentation=augmentation,
        preview=preview,
        trials=trials,
        curves=curves,
        decisions=decisions,
        importances=importances,
        freeze_depths=freeze_depths,
        history=history,
        training=training,
        network=network,
        metrics=metrics,
        mistakes=mistakes,
        tables=tables,
    )
    findings = Findings(made, params.mistakes, settings)
    draw_all(figures, findings)
    write(index, findings)


if __name__ == "__main__":
    run(report)
