"""Which freeze depths the staged strategy looks at, and what it may spend."""

from components.study.space import Space
from components.study.trial import LATE

LATE_LEAVES, FITTING_LEAVES, EARLY_LEAVES = 0.2, 0.45, 0.75
"""What the late and the early freeze point leave of a pass, about; and what the mid one leaves
where the pretrained layers fit the images, so that fewer must be trained."""
BOTH = 0.95
"""What the low-rate trial and the high-rate one until it is given up may take together, in full
trials that train everything."""
BUDGET, BUDGET_EACH = 1.0, 0.008
"""What may be spent, in full trials that train everything: as a whole, and for each trial. Probes
come on top: the baseline is asked for, and must leave room to look elsewhere."""


def budget(space: Space) -> float:
    """What the strategy may spend, multiply-accumulates."""
    fraction = BUDGET + BUDGET_EACH * space.plan.max_trials
    return space.plan.compute * fraction * space.whole


def kept_freeze_depths(space: Space) -> set[int]:
    """The freeze depths that are most often asked for, and therefore kept in the first pass."""
    return {space.highest, late(space), fitting(space), mid(space)}


def late(space: Space) -> int:
    """The late freeze point: not the head alone, where there is more to train."""
    return max(space.lowest, min(space.near_fraction(LATE_LEAVES), space.highest - 1))


def mid(space: Space) -> int:
    """The mid freeze point: where the pretrained layers do not fit, training more is better.

    As many as leave room for the low-rate trial beside one that is given up.
    """
    fits = fitting(space)
    most = BOTH * min(1.0, space.plan.compute) * space.whole - space.trial(fits)
    freeze_depths = range(space.lowest, fits)
    return next(
        (
            freeze_depth
            for freeze_depth in freeze_depths
            if LATE * space.trial(freeze_depth) <= most
        ),
        fits,
    )


def fitting(space: Space) -> int:
    """The mid freeze point where the pretrained layers fit the images."""
    return min(space.near_fraction(FITTING_LEAVES), late(space))
