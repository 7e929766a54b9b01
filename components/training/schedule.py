"""The learning rate over the steps of a fit."""

import math

WARM_UP = 0.1
"""Fraction of the steps in which the rate rises from zero."""


def one_cycle(step: int, steps: int) -> float:
    """The fraction of the full rate at `step` of `steps`, from 0: linear rise, then half a cosine.

    The rise as in Goyal et al. 2017 (arXiv:1706.02677), the fall as in Loshchilov & Hutter 2017
    (arXiv:1608.03983) without restarts; it ends one step short of zero.
    """
    rise = max(1, round(WARM_UP * steps))
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))
