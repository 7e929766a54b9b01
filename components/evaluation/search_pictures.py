"""A search as pictures: its map of depths and rates, and what scores cost."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from components.evaluation.pictures import BLUE, GREY, INK, ORANGE, STYLE, save

MARKS = {"full": "o", "fresh": "s", "probe": "^", "pruned": "X"}
NAMES = {"full": "trial", "fresh": "with a fresh seed", "probe": "probe", "pruned": "pruned"}
COMPARABLE = ("full", "fresh")
"""Kinds that trained to the end of a full schedule."""


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
    scores = [point.score for point in points]
    shade = Normalize(min(scores), max(scores))
    with rc_context(STYLE):
        figure = Figure(figsize=(7.6, 4.8), layout="constrained")
        axis = figure.subplots()
        for kind in MARKS:
            _scatter(axis, [p for p in points if p.kind == kind], kind, shade)
        chosen = next(point for point in points if point.chosen)
        axis.scatter(
            [chosen.depth], [chosen.learning_rate], s=260, label="chosen", facecolors="none",
            edgecolors=ORANGE, linewidths=2.2,
        )  # fmt: skip
        axis.set_yscale("log")
        axis.set_xticks(range(len(layers)), layers, rotation=35, ha="right", fontsize=8)
        axis.set_xlabel("first trained layer (everything before it is frozen)")
        axis.set(ylabel="learning rate", title="Validation accuracy by freeze depth and rate")
        figure.colorbar(axis.collections[0], ax=axis, label="validation accuracy")
        figure.legend(loc="outside lower center", ncols=5)
        save(figure, path)


def save_front(path: Path, points: Sequence[Point], layers: Sequence[str]) -> None:
    """What each trial cost and reached, and the front: nothing cheaper reaches more."""
    with rc_context(STYLE):
        figure = Figure(figsize=(7.2, 4.4), layout="constrained")
        axis = figure.subplots()
        for kind, mark in MARKS.items():
            some = [point for point in points if point.kind == kind]
            axis.scatter(
                [p.cost for p in some], [p.score for p in some], marker=mark, s=46,
                color=BLUE if kind in COMPARABLE else GREY, label=NAMES[kind] if some else None,
            )  # fmt: skip
        best = front([point for point in points if point.kind in COMPARABLE])
        axis.plot([p.cost for p in best], [p.score for p in best], color=ORANGE, label="front")
        for point in best:
            text = f"{layers[point.depth]}, {point.learning_rate:.1e}"
            axis.annotate(
                text, (point.cost, point.score), (5, -11), textcoords="offset points", fontsize=7.5
            )
        axis.set_xscale("log")
        axis.set_xlabel("counted cost, in trainings of the whole network")
        axis.set(ylabel="validation accuracy", title="Cost against score")
        figure.legend(loc="outside lower center", ncols=5)
        save(figure, path)


def front(points: Sequence[Point]) -> list[Point]:
    """The points that no cheaper one reaches, from the cheapest on."""
    best: list[Point] = []
    for point in sorted(points, key=lambda p: (p.cost, -p.score)):
        if not best or point.score > best[-1].score:
            best.append(point)
    return best


def _scatter(axis: Axes, points: Sequence[Point], kind: str, shade: Normalize) -> None:
    axis.scatter(
        [p.depth for p in points], [p.learning_rate for p in points], c=[p.score for p in points],
        norm=shade, cmap="viridis", s=90, marker=MARKS[kind], edgecolors=INK, linewidths=0.6,
        label=NAMES[kind] if points else None,
    )  # fmt: skip
