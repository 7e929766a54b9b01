"""Learning rates over the steps of a fit, by the field's names."""

import math
from collections.abc import Callable

Schedule = Callable[[int, int], float]
"""From a step, from 0, and the number of steps to the fraction of the full rate, above 0 to 1."""
WARM_UP = 0.1
"""Fraction of the steps in which the rate rises from zero."""


def cosine(step: int, steps: int) -> float:
    """A linear warm-up, then half a cosine, which ends one step short of zero.

    The rise as in Goyal et al. 2017 (arXiv:1706.02677), the fall as in Loshchilov & Hutter 2017
    (arXiv:1608.03983) without restarts.
    """
    rise = max(1, round(WARM_UP * steps))
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))


SCHEDULES: dict[str, Schedule] = {"cosine": cosine}
