"""Charts as shapes on the page, which takes their colours and type from its style.

Lengths are those of the drawing's own box; the page stretches it to the room there is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import log10

from matplotlib.ticker import LogLocator, MaxNLocator

BETWEEN = 13.0
"""At least, from one label at the end of a line to the next."""
MOST_TICKS = 5
SPACE = 0.06
"""Left free at both ends of an axis, of its length."""

Shown = Callable[[float], str]


@dataclass(frozen=True, kw_only=True)
class Box:
    """A drawing, and the room that it leaves beside the field of its data."""

    width: float = 340.0
    height: float = 210.0
    left: float = 44.0
    right: float = 14.0
    top: float = 12.0
    bottom: float = 34.0


@dataclass(frozen=True)
class Tick:
    """A place on an axis, and what stands there."""

    at: float
    label: str


@dataclass(frozen=True, kw_only=True)
class Axis:
    """From values to places in the box."""

    low: float
    high: float
    start: float
    end: float
    label: str
    ticks: tuple[Tick, ...] = ()
    logarithmic: bool = False

    def at(self, value: float) -> float:
        """The place of a value."""
        low, high, here = (self._grown(one) for one in (self.low, self.high, value))
        fraction = (here - low) / (high - low) if high > low else 0.5
        return round(self.start + fraction * (self.end - self.start), 1)

    def _grown(self, value: float) -> float:
        return log10(value) if self.logarithmic else value


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line through points, with a label at its end."""

    points: str
    """As SVG has them."""
    kind: str
    """Its class in the style."""
    label: str = ""
    end: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A point, and what it stands for."""

    x: float
    y: float
    kind: str
    """Its classes in the style."""
    told: str
    """What a person reads who points at it."""
    shade: int = 100
    """0 to 100, the best."""


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A small drawing with two axes."""

    title: str
    described: str
    """What it shows, for who does not see it."""
    box: Box
    x: Axis
    y: Axis
    lines: tuple[Line, ...] = ()
    marks: tuple[Mark, ...] = ()


def across(box: Box, values: Sequence[float], label: str, shown: Shown, *, log: bool) -> Axis:
    """The axis along the lower edge over these values; on a logarithmic one all are above 0."""
    return _axis(values, label, shown, (box.left, box.width - box.right), log=log)


def upwards(box: Box, values: Sequence[float], label: str, shown: Shown) -> Axis:
    """The axis along the left edge."""
    return _axis(values, label, shown, (box.height - box.bottom, box.top), log=False)


def epochs(box: Box, number: int) -> Axis:
    """The axis along the lower edge over so many epochs, from 1."""
    axis = Axis(
        low=1, high=max(2, number), start=box.left, end=box.width - box.right, label="epoch"
    )
    places = MaxNLocator(MOST_TICKS + 3, integer=True).tick_values(1, number)
    inside = [one for one in places if 1 <= one <= number] or [1]
    return replace(axis, ticks=tuple(Tick(axis.at(one), f"{one:g}") for one in inside))


def rows(box: Box, names: Sequence[str], label: str) -> Axis:
    """The axis along the left edge over names, the first at the top."""
    start, end = box.top, box.height - box.bottom
    axis = Axis(low=-0.5, high=len(names) - 0.5, start=start, end=end, label=label)
    ticks = tuple(Tick(axis.at(number), name) for number, name in enumerate(names))
    return replace(axis, ticks=ticks)


def line(
    x: Axis, y: Axis, values: Sequence[tuple[float, float]], kind: str, label: str = ""
) -> Line:
    """A line through these values."""
    places = [(x.at(one), y.at(other)) for one, other in values]
    if len(places) == 1:
        places *= 2  # a line of no length is drawn as a dot
    points = " ".join(f"{a:g},{b:g}" for a, b in places)
    return Line(points=points, kind=kind, label=label, end=places[-1])


def apart(lines: Sequence[Line], lowest: float) -> tuple[Line, ...]:
    """The same lines, their labels moved until none stands on another, nor below `lowest`."""
    order = sorted(lines, key=lambda one: one.end[1])
    heights = [one.end[1] for one in order]
    for upper, lower in pairwise(range(len(heights))):
        heights[lower] = max(heights[lower], heights[upper] + BETWEEN)
    over = max(0.0, heights[-1] - lowest)
    return tuple(
        replace(one, end=(one.end[0], height - over))
        for one, height in zip(order, heights, strict=True)
    )


def _places(low: float, high: float, *, log: bool) -> Sequence[float]:
    """Where ticks may stand: at round numbers, a few."""
    if not log:
        return list(MaxNLocator(MOST_TICKS, steps=[1, 2, 5, 10]).tick_values(low, high))
    parts = (1, 3) if high < low * 100 else (1,)
    return list(LogLocator(subs=parts, numticks=MOST_TICKS).tick_values(low, high))


def _axis(
    values: Sequence[float], label: str, shown: Shown, ends: tuple[float, float], *, log: bool
) -> Axis:
    low, high = min(values), max(values)
    places = _places(low, high, log=log)
    if log:
        factor = (high / low) ** SPACE if high > low else 2.0
        low, high = low / factor, high * factor
    else:
        space = SPACE * (high - low) or 0.5
        low, high = low - space, high + space
    start, end = ends
    axis = Axis(
        low=float(low), high=float(high), start=start, end=end, label=label, logarithmic=log
    )
    inside = [float(place) for place in places if low <= place <= high]
    return replace(axis, ticks=tuple(Tick(axis.at(place), shown(place)) for place in inside))
