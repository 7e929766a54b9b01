"""Learning rates over the steps of a fit, by the field's names.

Most rise from zero in the first steps, as in Goyal et al. 2017 (arXiv:1706.02677), and take their
own way after that.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

DROP = 0.1
"""Factor of `step` and of `plateau`, each time."""
DROPS = 3
"""`step` has so many levels of equal length."""
EXPONENTIAL_END = 0.01
"""Fraction at which `exponential` ends."""
PLATEAU_PATIENCE = 1
"""Epochs without a better validation score that `plateau` bears; after one more it drops."""
CYCLES = 3
"""Of `cyclic`."""
CYCLIC_LOW = 0.25
"""Fraction from which `cyclic` rises; Smith advises a quarter or a third."""
ONE_CYCLE_START = 1 / 25
"""Fraction from which `one_cycle` rises, as torch has it."""
ONE_CYCLE_END = ONE_CYCLE_START * 1e-4
"""Fraction to which `one_cycle` falls, as torch has it."""
RESTARTS = 2
"""Of `warm_restarts`; each time the way is twice as long."""


@dataclass(frozen=True, kw_only=True)
class Moment:
    """Where in a fit a step is."""

    step: int
    """From 0."""
    steps: int
    """Of the whole fit."""
    warm_up: float = 0.1
    """Fraction of the steps in which the rate rises, 0 to below 1."""
    scores: Sequence[float] = field(default=())
    """Validation scores of the epochs so far."""

    @property
    def rise(self) -> int:
        """Steps in which the rate rises."""
        return max(1, round(self.warm_up * self.steps)) if self.warm_up else 0

    @property
    def place(self) -> int:
        """The step, from 0, behind the rise."""
        return self.step - self.rise

    @property
    def length(self) -> int:
        """Steps behind the rise, at least one."""
        return max(1, self.steps - self.rise)


Schedule = Callable[[Moment], float]
"""From a moment to the fraction of the full rate, above 0 to 1."""


def fraction(name: str, moment: Moment) -> float:
    """The fraction of the full rate that the schedule of this name has at a moment."""
    if moment.step < moment.rise and name not in OWN_RISE:
        return (moment.step + 1) / moment.rise
    return SCHEDULES[name](moment)


def constant(_: Moment) -> float:
    """The full rate."""
    return 1.0


def cosine(moment: Moment) -> float:
    """Half a cosine, which ends one step short of zero.

    Loshchilov & Hutter 2017 (arXiv:1608.03983) without restarts.
    """
    return _half_cosine(moment.place, moment.length)


def step(moment: Moment) -> float:
    """Levels of equal length, each a tenth of the one before; torch's StepLR."""
    return DROP ** (moment.place // -(-moment.length // DROPS))


def exponential(moment: Moment) -> float:
    """The same factor each step, down to a hundredth; torch's ExponentialLR."""
    return float(EXPONENTIAL_END ** (moment.place / moment.length))


def plateau(moment: Moment) -> float:
    """A tenth each time that validation gets no better; torch's ReduceLROnPlateau."""
    best, waited, drops = -math.inf, 0, 0
    for score in moment.scores:
        best, waited = (score, 0) if score > best else (best, waited + 1)
        if waited > PLATEAU_PATIENCE:
            waited, drops = 0, drops + 1
    return DROP**drops


def cyclic(moment: Moment) -> float:
    """Triangles between a quarter and the full rate (Smith 2017, arXiv:1506.01186).

    They begin at the top, where the rise ends.
    """
    through = moment.place / moment.length * CYCLES % 1
    return CYCLIC_LOW + (1 - CYCLIC_LOW) * abs(1 - 2 * through)


def one_cycle(moment: Moment) -> float:
    """Up along a cosine for as long as the warm-up, and down (Smith 2018, arXiv:1803.09820).

    Torch's OneCycleLR without its cycle of the momentum.
    """
    top = moment.warm_up * moment.steps - 1
    if moment.step < top:
        return _between(ONE_CYCLE_START, 1.0, moment.step, top)
    return _between(1.0, ONE_CYCLE_END, moment.step - top, moment.steps - 1 - top)


def warm_restarts(moment: Moment) -> float:
    """Half a cosine again and again, each twice as long (Loshchilov & Hutter 2017)."""
    length = moment.length / (2 ** (RESTARTS + 1) - 1)
    place: float = moment.place
    while place >= length:
        place, length = place - length, length * 2
    return _half_cosine(place, length)


def _half_cosine(place: float, length: float) -> float:
    return 0.5 * (1 + math.cos(math.pi * place / length))


def _between(start: float, end: float, place: float, length: float) -> float:
    return end + (start - end) * _half_cosine(place, length)


SCHEDULES: dict[str, Schedule] = {
    "constant": constant,
    "cosine": cosine,
    "step": step,
    "exponential": exponential,
    "plateau": plateau,
    "cyclic": cyclic,
    "one_cycle": one_cycle,
    "warm_restarts": warm_restarts,
}
OWN_RISE = {"one_cycle"}
"""Rise on a way of their own."""
