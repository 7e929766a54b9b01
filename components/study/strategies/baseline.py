"""No search at all: the baseline setting that trains most is taken as it is.

Where the time is short, a final training that is longer is worth more than what a search would find
(docs/benchmarks.md). What is run is its confirmation, which shows that it trains.
"""

from components.study.space import Space
from components.study.strategies.strategy import Exploring, Finalist, Notes, named


def baseline(space: Space, notes: Notes) -> Exploring:
    """The enqueued setting with the most behind the frozen layers."""
    yield from ()
    setting = max(space.enqueued, key=lambda one: space.fraction(one.freeze_depth))
    notes.say(f"{named(space, setting)} is taken without a search: it trains most.")
    return [Finalist(setting)]


def budget(space: Space) -> float:
    """What it spends, multiply-accumulates."""
    return space.plan.confirmation_runs * space.whole
