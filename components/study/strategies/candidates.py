"""Which freeze depths the staged strategy looks at, and what it may spend."""

from components.model.families import ATTENDING
from components.study.space import Space
from components.study.trial import LATE

LATE_LEAVES = 0.2
"""Fraction of a pass that the late freeze point leaves behind the frozen layers, about."""
FITTING_LEAVES = 0.45
"""Fraction that the mid one leaves where the pretrained layers fit the images, about."""
EARLY_LEAVES = 0.75
"""Fraction that the early one leaves, about."""
BOTH = 0.95
"""What the low-rate trial and the high-rate one until it is given up may take together, in full
trials that train everything."""
PROBE = 1 / 3
"""Epochs of a probe, as a fraction of a full trial's; its schedule is as long."""
PROBES = 3
"""Rates that are probed where they are but guessed, at most."""
BUDGET = 1.0
"""What may be spent in any case, in full trials that train everything. Probes come on top: the
baseline is asked for, and must leave room to look elsewhere."""
BUDGET_EACH = 0.008
"""What may be spent besides for each trial, in full trials that train everything."""


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

    As many as leave room for the low-rate trial beside one that is given up, or for probes of its
    rate where that is but guessed.
    """
    fits, most = fitting(space), BOTH * min(1.0, space.plan.compute) * space.whole
    probed, given_up = 1 + PROBES * PROBE, LATE
    own, others = (probed, 0) if guessed(space) else (given_up, space.trial(fits))
    affordable = (
        one for one in range(space.lowest, fits) if own * space.trial(one) + others <= most
    )
    return next(affordable, fits)


def guessed(space: Space) -> bool:
    """Whether the rate of the layers is but a guess from the kind of the network.

    Convolutions with batch normalisation bear the head's rates, with AdamW, and there a short
    schedule tells nothing: it favours low rates where high ones win.
    """
    return space.plan.body is not None and space.plan.body.whole < 1


def attends(space: Space) -> bool:
    """Whether the network is one of those that bear training next to all layers."""
    return space.plan.family in ATTENDING


def early(space: Space) -> int:
    """The early freeze point: where the network attends, all but the embedding is trained."""
    if attends(space):
        return min(max(space.lowest, 1), mid(space))
    return min(space.near_fraction(EARLY_LEAVES), mid(space))


def fitting(space: Space) -> int:
    """The mid freeze point where the pretrained layers fit the images."""
    return min(space.near_fraction(FITTING_LEAVES), late(space))
