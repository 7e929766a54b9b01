"""A search as pictures: its map of depths and rates, and what scores cost."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.colors import Normalize
from matplotlib.ticker import LogLocator

from components.evaluation.style import (
    BLUE,
    HALO,
    INK,
    ORANGE,
    QUIET,
    RULE,
    SCORES,
    percent,
    plain,
    sheet,
    thinned,
)

MARKS = {"full": "o", "fresh": "s", "probe": "^", "pruned": "X"}
NAMES = {"full": "trial", "fresh": "fresh seed", "probe": "probe (short)", "pruned": "ended early"}
COMPARABLE = ("full", "fresh")
"""Kinds that trained to the end of a full schedule."""
MOST_TICKS = 24
ASIDE = 0.22
"""How far trials of one setting stand beside each other, in depths."""
POOR = 0.25
"""The quantile of the scores from which on down all are drawn as the worst: a few failures would
take all the colours otherwise."""
NAMED = 5
"""Points of the front that are named: the best of them."""


@dataclass(frozen=True)
class Point:
    """A trial."""

    depth: int
    learning_rate: float
    score: float
    cost: float
    """In full fine-tunings of the whole network."""
    kind: str
    """One of `MARKS`."""
    chosen: bool
    """Whether it is one of the setting that was chosen."""


def save_landscape(path: Path, points: Sequence[Point], layers: Sequence[str]) -> None:
    """Every trial as a point: how deep it froze, at which rate, and what it reached."""
    chosen = next(point for point in points if point.chosen)
    remark = (
        f"One mark a trial, {len(points)} in all. Chosen: from {layers[chosen.depth]} on at a rate "
        f"of {chosen.learning_rate:.1e}; everything left of a mark was frozen."
    )
    with sheet(path, (8.6, 5.2), "Freeze depth against learning rate", remark) as figure:
        axis = figure.subplots()
        drawn = _scatter(axis, points)
        axis.scatter(
            [chosen.depth], [chosen.learning_rate], s=300, facecolors="none", edgecolors=ORANGE,
            linewidths=2.4, label="chosen", zorder=4,
        )  # fmt: skip
        axis.set_yscale("log")
        axis.yaxis.set_major_locator(LogLocator(subs=(1, 3)))
        axis.yaxis.set_major_formatter(plain)
        axis.yaxis.set_minor_formatter("")
        axis.set_xlim(-0.6, len(layers) - 0.4)
        places, names = thinned(list(layers), MOST_TICKS)
        axis.set_xticks(places, names, rotation=40, ha="right", rotation_mode="anchor")
        axis.set(xlabel="first trained layer", ylabel="learning rate")
        bar = figure.colorbar(
            drawn, ax=axis, label="validation accuracy", extend="min", aspect=30, pad=0.01,
            format=percent,
        )  # fmt: skip
        bar.outline.set_edgecolor(RULE)
        figure.legend(loc="outside lower center", ncols=5)


def save_front(path: Path, points: Sequence[Point], layers: Sequence[str]) -> None:
    """What each trial cost and reached, and the front: nothing cheaper reaches more."""
    best = front([point for point in points if point.kind in COMPARABLE])
    spent = sum(point.cost for point in points)
    remark = (
        f"The line joins what nothing cheaper reaches. All {len(points)} together cost as much as "
        f"{spent:.2g} trainings of the whole network (counted operations, not seconds)."
    )
    with sheet(path, (8.6, 4.8), "Cost against score", remark) as figure:
        axis = figure.subplots()
        axis.plot(
            [p.cost for p in best], [p.score for p in best], color=ORANGE, lw=2, label="front",
            drawstyle="steps-post", zorder=1,
        )  # fmt: skip
        for kind, mark in MARKS.items():
            some = [point for point in points if point.kind == kind]
            axis.scatter(
                [p.cost for p in some], [p.score for p in some], marker=mark, s=48,
                color=BLUE if kind in COMPARABLE else "none", linewidths=1.1,
                edgecolors=QUIET if kind not in COMPARABLE else INK,
                label=NAMES[kind] if some else None, zorder=3,
            )  # fmt: skip
        _name(axis, best, layers)
        axis.set_xscale("log")
        axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.xaxis.set_major_formatter(plain)
        axis.xaxis.set_minor_formatter("")
        axis.yaxis.set_major_formatter(percent)
        axis.set(xlabel="cost, in trainings of the whole network", ylabel="validation accuracy")
        figure.legend(loc="outside lower center", ncols=5)


def front(points: Sequence[Point]) -> list[Point]:
    """The points that no cheaper one reaches, from the cheapest on."""
    best: list[Point] = []
    for point in sorted(points, key=lambda p: (p.cost, -p.score)):
        if not best or point.score > best[-1].score:
            best.append(point)
    return best


def aside(points: Sequence[Point]) -> list[float]:
    """Where each point stands along the depths: those of one setting beside each other."""
    met: Counter[tuple[int, float]] = Counter()
    places = []
    for point in points:
        setting = (point.depth, point.learning_rate)
        turn = met[setting]
        met[setting] += 1
        places.append(point.depth + ASIDE * -(-turn // 2) * (-1) ** (turn + 1))
    return places


def _scatter(axis: Axes, points: Sequence[Point]) -> PathCollection:
    """Marks by kind; what they have in common is the shade."""
    scores = [point.score for point in points]
    shade = Normalize(float(np.quantile(scores, POOR)), max(scores))
    places = aside(points)
    for kind, mark in MARKS.items():
        some = [(x, p) for x, p in zip(places, points, strict=True) if p.kind == kind]
        drawn = axis.scatter(
            [x for x, _ in some], [p.learning_rate for _, p in some], c=[p.score for _, p in some],
            norm=shade, cmap=SCORES, s=80, marker=mark, edgecolors=INK, linewidths=0.6,
            label=NAMES[kind] if some else None, zorder=3,
        )  # fmt: skip
    return drawn


def _name(axis: Axes, best: Sequence[Point], layers: Sequence[str]) -> None:
    """Names above and left of the best points, where the front lets nothing be."""
    for point in best[-NAMED:]:
        axis.annotate(
            f"{layers[point.depth]}, {point.learning_rate:.1e}\n{point.score:.1%}",
            (point.cost, point.score), (-4, 5), textcoords="offset points", fontsize=7.5,
            ha="left" if point is best[0] else "right", path_effects=HALO,
            weight="bold" if point is best[-1] else "normal",
        )  # fmt: skip
