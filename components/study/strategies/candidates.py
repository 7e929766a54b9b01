"""Which depths the staged strategy looks at, and what it may spend."""

from components.study.space import Space
from components.study.trial import LATE

DEEP, FITTING, SHALLOW = 0.2, 0.45, 0.75
"""What the deep and the shallow cut leave of a pass, about; and what the middle one leaves where
the pretrained layers fit the pictures, so that fewer have to be trained."""
BOTH = 0.95
"""What the gentle cut and the bold one until it is given up may take together, in full trials that
train everything."""
BUDGET, BUDGET_EACH = 1.0, 0.008
"""What may be spent, in full trials that train everything: as a whole, and for each trial. Probes
come on top: what is customary is asked for, and has to leave room to look elsewhere."""


def budget(space: Space) -> float:
    """What the strategy may spend, multiply-accumulates."""
    share = BUDGET + BUDGET_EACH * space.plan.max_trials
    return space.plan.compute * share * space.whole


def kept_depths(space: Space) -> set[int]:
    """The depths that are most often asked for, and therefore kept in the first pass."""
    return {space.deepest, deep(space), fitting(space), middle(space)}


def deep(space: Space) -> int:
    """The deep cut: not the head alone, where there is more to train."""
    return max(space.lowest, min(space.near_share(DEEP), space.deepest - 1))


def middle(space: Space) -> int:
    """The middle cut: where the pretrained layers do not fit, the more are trained the better.

    As many as leave room for the gentle cut beside one that is given up.
    """
    fits = fitting(space)
    most = BOTH * min(1.0, space.plan.compute) * space.whole - space.trial(fits)
    depths = range(space.lowest, fits)
    return next((depth for depth in depths if LATE * space.trial(depth) <= most), fits)


def fitting(space: Space) -> int:
    """The middle cut where the pretrained layers fit the pictures."""
    return min(space.near_share(FITTING), deep(space))
