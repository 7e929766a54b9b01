"""What the search tried, and how it came to its choice."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pandas as pd

from components.figures.findings import KINDS, Findings
from components.figures.search_landscape import COMPARABLE, aside, front, trial_points
from components.figures.sheet import plain, shortened
from components.page import charts
from components.page.charts import Axis, Box, Chart, Line, Mark
from components.page.section import Advice, Section
from components.study.rates import rate_range

EDGE = 1.05
"""A rate within this factor of the end of its range lies at the end."""


def search(findings: Findings) -> Section:
    """The trials as charts and as a table, and every decision in words."""
    trials = findings.trials
    return Section(
        name="search",
        title="Search",
        content={
            "trials": len(trials),
            "chosen": _row(findings, _best(trials)),
            "landscape": _landscape(findings),
            "front": _front(findings),
            "multiples": _multiples(findings),
            "decisions": findings.decisions,
            "importances": findings.importances,
            "table": [_row(findings, row) for _, row in _ranked(trials).iterrows()],
        },
        advice=tuple(_at_the_edge(findings)),
    )


def _best(trials: pd.DataFrame) -> "pd.Series[Any]":
    """Of the trials of the chosen setting, one that says most."""
    return _ranked(trials[trials["chosen"]]).iloc[0]


def _ranked(trials: pd.DataFrame) -> pd.DataFrame:
    """Trials that ran to their end first, among them the best."""
    short = ~trials["kind"].isin(COMPARABLE)
    order = ["short", "validation_score", "number"]
    return trials.assign(short=short).sort_values(order, ascending=[True, False, True])


def _row(findings: Findings, trial: "pd.Series[Any]") -> dict[str, Any]:
    return {
        "number": int(trial["number"]),
        "kind": trial["kind"],
        "told": KINDS[trial["kind"]],
        "layer": findings.layers[int(trial["freeze_depth"])],
        "fraction": findings.trained_fractions[int(trial["freeze_depth"])],
        "rate": plain(float(f"{trial['learning_rate']:.2g}")),
        "epochs": int(trial["epochs"]),
        "score": findings.scores.shown(trial["validation_score"]),
        "cost": trial["cost"] / findings.whole_cost,
        "chosen": bool(trial["chosen"]),
    }


def _marks(findings: Findings, x: Sequence[float], y: Sequence[float]) -> tuple[Mark, ...]:
    """A mark a trial, the chosen ones last and so on top, shaded by their ranks."""
    trials = findings.trials
    ranks = (100 * trials["validation_score"].rank(pct=True)).round()
    marks = []
    for (_, trial), shade, *place in zip(trials.iterrows(), ranks, x, y, strict=True):
        row = _row(findings, trial)
        told = f"trial {row['number']}, {row['told']}: {row['score']}, from {row['layer']} on at "
        kind = f"{row['kind']} chosen" if row["chosen"] else row["kind"]
        marks.append(
            Mark(x=place[0], y=place[1], kind=kind, told=f"{told}{row['rate']}", shade=int(shade))
        )
    return tuple(sorted(marks, key=lambda mark: mark.kind.endswith("chosen")))


def _landscape(findings: Findings) -> Chart:
    """Freeze depth against learning rate."""
    points = trial_points(findings)
    names = [shortened(name) for name in findings.layers]
    longest = max(map(len, names))
    box = Box(left=14 + 6.1 * longest, height=46 + max(110, 20 * len(names)))
    rates = [point.learning_rate for point in points]
    x = charts.across(box, rates, "learning rate", plain, log=True)
    y = charts.rows(box, names, "first trained layer")
    return Chart(
        title="First trained layer and learning rate",
        described=f"{len(points)} trials by first trained layer and learning rate.",
        box=box,
        x=x,
        y=y,
        marks=_marks(findings, [x.at(one) for one in rates], [y.at(one) for one in aside(points)]),
    )


def _front(findings: Findings) -> Chart:
    """What scores cost."""
    points = trial_points(findings)
    scores = findings.scores
    box = Box(height=46 + max(110, 20 * len(findings.layers)))
    costs = [point.cost for point in points]
    x = charts.across(box, costs, "cost, in trainings of the whole network", plain, log=True)
    y = charts.upwards(box, [point.score for point in points], scores.name, scores.tick)
    best = front([point for point in points if point.kind in COMPARABLE])
    steps = [(point.cost, point.score) for point in best]
    corners = [
        place
        for (cost, score), (dearer, _) in pairwise([*steps, (max(costs), 0.0)])
        for place in ((cost, score), (dearer, score))
    ]
    return Chart(
        title=f"Cost and {scores.name}",
        described=f"{len(points)} trials by cost and validation {scores.name}.",
        box=box,
        x=x,
        y=y,
        lines=(charts.line(x, y, corners, "front"),) if corners else (),
        marks=_marks(findings, [x.at(p.cost) for p in points], [y.at(p.score) for p in points]),
    )


def _multiples(findings: Findings) -> list[dict[str, Any]]:
    """How the trials of each freeze depth learned, among all the others, on one scale."""
    curves, trials, scores = findings.curves, findings.trials, findings.scores
    box = Box(width=180, height=124, left=36, right=8, top=8, bottom=20)
    last = int(curves["epoch"].max())
    x = replace(charts.epochs(box, last), label="")
    y = replace(charts.upwards(box, list(curves["validation_score"]), "", scores.tick), label="")
    return [
        {
            "layer": layer,
            "fraction": findings.trained_fractions[depth],
            "chart": Chart(
                title=layer,
                described=f"Validation {scores.name} by epoch, trained from {layer} on.",
                box=box,
                x=x,
                y=y,
                lines=tuple(_ways(x, y, curves, trials, depth)),
            ),
        }
        for depth, layer in enumerate(findings.layers)
        if (trials["freeze_depth"] == depth).any()
    ]


def _ways(
    x: Axis, y: Axis, curves: pd.DataFrame, trials: pd.DataFrame, depth: int
) -> Iterator[Line]:
    """The curves of one freeze depth in front of all others, the chosen ones foremost."""
    order = trials.assign(front=trials["freeze_depth"] == depth)
    for trial in order.sort_values(["front", "chosen", "number"]).to_dict("records"):
        way = curves[curves["number"] == trial["number"]]
        values = list(zip(way["epoch"].tolist(), way["validation_score"].tolist(), strict=True))
        chosen = " chosen" if trial["chosen"] else ""
        kind = f"{trial['kind']}{chosen}" if trial["front"] else "behind"
        yield charts.line(x, y, values, kind)


def _at_the_edge(findings: Findings) -> list[Advice]:
    """A best rate at the end of its range may have a better one beyond it."""
    rate = findings.network.learning_rate
    asked = findings.settings["search"]
    given = asked.learning_rate
    low, high = rate_range(given.low, given.high, asked.optimizer[0])
    for end, beyond, at_end in (
        ("high", 3 * high, rate * EDGE >= high),
        ("low", low / 3, rate <= low * EDGE),
    ):
        if at_end and low < high:
            return [
                Advice(
                    title="Search beyond the learning rate that won",
                    reason=f"{rate:.2g} lies at the {end} end of the range that was searched.",
                    setting=f"thawline run --set search.learning_rate.{end}={beyond:.1g}",
                    weight=0.5,
                )
            ]
    return []
