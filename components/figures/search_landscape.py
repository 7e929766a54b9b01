"""A search as figures: its map of freeze depths and rates, and what scores cost."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.collections import PathCollection
from matplotlib.colors import Normalize
from matplotlib.ticker import LogLocator

from components.figures.findings import KINDS, Findings
from components.figures.palette import BLUE, ORANGE, SCORES
from components.figures.scores import Scores
from components.figures.sheet import HALO, INK, QUIET, RULE, plain, sheet, thinned

MARKS = {"full": "o", "confirmation": "s", "probe": "^", "pruned": "X"}
COMPARABLE = ("full", "confirmation")
"""Kinds that trained to the end of a full schedule."""
MOST_TICKS = 24
ASIDE = 0.22
"""How far trials of one setting stand beside each other, in freeze depths."""
POOR = 0.25
"""The quantile of the scores from which on down all are drawn as the worst: a few failures would
take all the colours otherwise."""
NAMED = 8
"""Points of the front that are named: the best of them."""


@dataclass(frozen=True, kw_only=True)
class TrialPoint:
    """A trial."""

    freeze_depth: int
    learning_rate: float
    score: float
    cost: float
    """In full fine-tunings of the whole network."""
    kind: str
    """One of `MARKS`."""
    chosen: bool
    """Whether it is one of the setting that was chosen."""


def draw_landscape(findings: Findings, path: Path) -> None:
    """The map of what the search tried."""
    save_landscape(path, trial_points(findings), findings.layers, findings.scores)


def draw_front(findings: Findings, path: Path) -> None:
    """What the trials of the search cost and reached."""
    save_front(path, trial_points(findings), findings.layers, findings.scores)


def trial_points(findings: Findings) -> list[TrialPoint]:
    """The trials of the search, in their order."""
    return [
        TrialPoint(
            freeze_depth=row["freeze_depth"],
            learning_rate=row["learning_rate"],
            score=row["validation_score"],
            cost=row["cost"] / findings.whole_cost,
            kind=row["kind"],
            chosen=row["chosen"],
        )
        for row in findings.trials.to_dict("records")
    ]


def save_landscape(
    path: Path, points: Sequence[TrialPoint], layers: Sequence[str], scores: Scores
) -> None:
    """Every trial as a point: how much it froze, at which rate, and what it reached."""
    chosen = next(point for point in points if point.chosen)
    remark = (
        f"One mark a trial, {len(points)} in all. Chosen: from {layers[chosen.freeze_depth]} on at "
        f"a rate of {chosen.learning_rate:.2g}; each trial of that setting is ringed. Everything "
        "left of a mark was frozen."
    )
    with sheet(path, (8.6, 5.2), "Freeze depth against learning rate", remark) as figure:
        axis = figure.subplots()
        drawn = _scatter(axis, points)
        _ring(
            axis,
            [(x, p.learning_rate) for x, p in zip(aside(points), points, strict=True) if p.chosen],
        )
        axis.set_yscale("log")
        _tick_sparsely(axis.yaxis)
        axis.set_xlim(-0.6, len(layers) - 0.4)
        places, names = thinned(list(layers), MOST_TICKS)
        axis.set_xticks(places, names, rotation=40, ha="right", rotation_mode="anchor")
        axis.set(xlabel="first trained layer", ylabel="learning rate")
        bar = figure.colorbar(
            drawn,
            ax=axis,
            label=f"validation {scores.name}",
            extend="min",
            aspect=30,
            pad=0.01,
            format=scores.tick,
        )
        bar.outline.set_edgecolor(RULE)
        figure.legend(loc="outside lower center", ncols=5)


def save_front(
    path: Path, points: Sequence[TrialPoint], layers: Sequence[str], scores: Scores
) -> None:
    """What each trial cost and reached, and the front: nothing cheaper reaches more."""
    best = front([point for point in points if point.kind in COMPARABLE])
    spent, floor = sum(point.cost for point in points), _floor(points)
    remark = (
        f"The line joins what nothing cheaper reaches. All {len(points)} together cost as much as "
        f"{spent:.2g} trainings of the whole network, in counted operations. What is below "
        f"{scores.shown(floor)} stands at the lower edge."
    )
    with sheet(path, (9.4, 4.8), f"Cost against {scores.name}", remark) as figure:
        axis, beside = figure.subplots(1, 2, width_ratios=[1, 0.34])
        axis.plot(
            [p.cost for p in best],
            [p.score for p in best],
            color=ORANGE,
            lw=2,
            label="front",
            drawstyle="steps-post",
            zorder=1,
        )
        for kind in MARKS:
            _weigh(axis, [point for point in points if point.kind == kind], kind, floor)
        _ring(axis, [(p.cost, max(p.score, floor)) for p in points if p.chosen], size=190)
        _name(axis, beside, best, layers, scores)
        axis.set_xscale("log")
        _tick_sparsely(axis.xaxis)
        axis.yaxis.set_major_formatter(scores.tick)
        axis.set(xlabel="cost, in trainings of the whole network")
        axis.set(ylabel=f"validation {scores.name}")
        figure.legend(loc="outside lower center", ncols=5)


def front(points: Sequence[TrialPoint]) -> list[TrialPoint]:
    """The points that no cheaper one reaches, from the cheapest on."""
    best: list[TrialPoint] = []
    for point in sorted(points, key=lambda p: (p.cost, -p.score)):
        if not best or point.score > best[-1].score:
            best.append(point)
    return best


def aside(points: Sequence[TrialPoint]) -> list[float]:
    """Where each point stands along the freeze depths: those of one setting beside each other."""
    met: Counter[tuple[int, float]] = Counter()
    places = []
    for point in points:
        setting = (point.freeze_depth, point.learning_rate)
        turn = met[setting]
        met[setting] += 1
        places.append(point.freeze_depth + ASIDE * -(-turn // 2) * (-1) ** (turn + 1))
    return places


def _scatter(axis: Axes, points: Sequence[TrialPoint]) -> PathCollection:
    """Marks by kind; what they have in common is the shade."""
    scores = [point.score for point in points]
    shade = Normalize(float(np.quantile(scores, POOR)), max(scores))
    places = aside(points)
    for kind, mark in MARKS.items():
        some = [(x, p) for x, p in zip(places, points, strict=True) if p.kind == kind]
        drawn = axis.scatter(
            [x for x, _ in some],
            [p.learning_rate for _, p in some],
            c=[p.score for _, p in some],
            norm=shade,
            cmap=SCORES,
            s=80,
            marker=mark,
            edgecolors=INK,
            linewidths=0.6,
            zorder=3,
        )
        if some:
            axis.scatter([], [], s=80, marker=mark, c=RULE, edgecolors=INK, label=KINDS[kind])
    return drawn


def _ring(axis: Axes, chosen: Sequence[tuple[float, float]], size: float = 300) -> None:
    """A circle around every trial of the setting that was chosen, where its mark stands."""
    axis.scatter(
        [x for x, _ in chosen],
        [y for _, y in chosen],
        s=size,
        facecolors="none",
        edgecolors=ORANGE,
        linewidths=2.4,
        label="chosen",
        zorder=4,
    )


def _tick_sparsely(axis: Axis) -> None:
    """Two plain numbers a decade of a logarithmic axis."""
    axis.set_major_locator(LogLocator(subs=(1, 3)))
    axis.set_major_formatter(plain)
    axis.set_minor_formatter("")


def _floor(points: Sequence[TrialPoint]) -> float:
    """The score below which points are drawn at the edge; the front's own stay above it."""
    comparable = [point for point in points if point.kind in COMPARABLE]
    poor = float(np.quantile([point.score for point in points], POOR))
    return min([poor, *(point.score for point in front(comparable))])


def _weigh(axis: Axes, some: Sequence[TrialPoint], kind: str, floor: float) -> None:
    """Marks by cost; filled where a full schedule stands behind the score."""
    full = kind in COMPARABLE
    axis.scatter(
        [p.cost for p in some],
        [max(p.score, floor) for p in some],
        marker=MARKS[kind],
        s=48,
        color=BLUE if full else "none",
        edgecolors=INK if full else QUIET,
        linewidths=1.1,
        label=KINDS[kind] if some else None,
        zorder=3,
    )


def _name(
    axis: Axes, beside: Axes, best: Sequence[TrialPoint], layers: Sequence[str], scores: Scores
) -> None:
    """Numbers at the best points of the front, and what they are beside it."""
    beside.set_axis_off()
    beside.set_title("The front")
    for number, point in enumerate(best[-NAMED:], start=1):
        axis.annotate(
            str(number),
            (point.cost, point.score),
            (-5, 4),
            textcoords="offset points",
            ha="right",
            fontsize=8,
            weight="bold",
            path_effects=HALO,
        )
        setting = f"{layers[point.freeze_depth]}, {point.learning_rate:.2g}"
        words = f"{number}  {scores.shown(point.score)}\n    {setting}"
        beside.text(
            0,
            1.02 - 0.125 * number,
            words,
            transform=beside.transAxes,
            fontsize=8,
            va="center",
            linespacing=1.4,
        )
