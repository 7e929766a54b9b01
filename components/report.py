"""Draw every figure of a run but the augmentation's preview, from what the other stages wrote."""

from typing import Annotated

from pydantic import Field

from components.frame.params import Params
from components.frame.spec import In, Out
from components.frame.stage import run


class ReportParams(Params):
    """What the figures show."""

    mistakes: Annotated[int, Field(ge=1, le=200)] = 24
    """Images in the gallery of the worst mistakes, at most."""


def report(
    params: ReportParams,
    *,
    trials: In,
    curves: In,
    importances: In,
    freeze_depths: In,
    history: In,
    training: In,
    network: In,
    predictions: In,
    tables: In,
    raw: In,
    figures: Out,
) -> None:
    """Draw what the search tried, how the training went, and what the task asks for."""
    from components.figures.findings import Files, Findings
    from components.figures.registry import draw_all

    made = Files(
        trials=trials,
        curves=curves,
        importances=importances,
        freeze_depths=freeze_depths,
        history=history,
        training=training,
        network=network,
        predictions=predictions,
        tables=tables,
        raw=raw,
    )
    draw_all(figures, Findings(made, params.mistakes))


if __name__ == "__main__":
    run(report)
