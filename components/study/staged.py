"""The staged strategy: cheap trials first, dear ones only where something speaks for them.

The head alone and a deep cut are tried in full: from the cache they cost little. A middle cut is
seldom far from the best: a short probe tells whether it bears a high rate, and it is trained, at a
lower rate and a little deeper if not; as a finalist at once where the budget holds no more,
otherwise with its neighbours.
"""

from collections.abc import Generator, Iterator
from dataclasses import replace
from itertools import product

from components.study.setting import CHOICES, Asked, Origin, Setting, Trial
from components.study.space import Space
from components.study.strategy import (
    ALIKE,
    Exploring,
    Finalist,
    Finalists,
    Notes,
    asked,
    finalists,
    named,
)
from components.study.tpe import conditional, suggest

Step = Generator[Asked, Trial, None]

PROBE = 1 / 3
"""Epochs of a probe, as a share of a full trial's; its schedule is as long."""
CLEARLY, FAR = 0.5, 1.0
"""Standard errors by which a trial has to lead the one that is preferred; and by which the middle
cut has to lead the deep one for a shallow one to be tried as well."""
BEHIND, KEPT = 2.0, 7 / 8
"""A rate does harm where its probe falls behind the head by so many standard errors and keeps less
than this share of the head's accuracy."""
DEAR = 0.7
"""A setting that leaves more of a pass behind the frozen layers is probed before it is trained."""
DEEP, FITTING, MIDDLE, SHALLOW = 0.2, 0.45, 0.6, 0.75
"""What the deep, the middle and the shallow cut leave of a pass, about; and what the middle one
leaves where the pretrained layers fit the pictures, so that fewer have to be trained."""
HIGH, LOW = 0.85, 0.6
"""First rates at a depth, as shares of the way through the range on its logarithmic scale."""
HEAD_STEP, RATE_STEP = 3.0, 2.0
SAME_RATE = 1.1
"""Rates that are closer than this factor are one."""
BUDGET, BUDGET_EACH = 1.0, 0.008
"""What may be spent, in full trials that train everything: as a whole, and for each trial."""
SLACK = 1.15
"""By how much a deep and a shallow cut, which guard against a wrong middle one, may exceed it."""


def staged(space: Space, notes: Notes) -> Exploring:
    """The head, a probe, the deep cut and the middle one, their neighbours, then the estimator."""
    search = _Staged(space, notes)
    yield from search.customary()
    yield from search.heads()
    yield from search.probe_middle()
    chosen = search.chosen
    if chosen is not None and not search.affordable(chosen.depth):
        return search.finalists_by_probe(chosen)
    if chosen is not None:
        yield from search.deep_cut(chosen)
        yield from search.full(chosen)
        yield from search.shallow_cut()
    yield from search.neighbours()
    yield from search.estimated()
    return finalists(space, search.trials, notes)


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
    """The middle cut; the deep one where the network has none in between."""
    return min(space.near_share(MIDDLE), deep(space))


def fitting(space: Space) -> int:
    """The middle cut where the pretrained layers fit the pictures."""
    return min(max(space.near_share(FITTING), middle(space)), deep(space))


class _Staged:
    """The strategy's steps, and what it has seen."""

    def __init__(self, space: Space, notes: Notes) -> None:
        self.space, self.notes = space, notes
        self.deep, self.middle = deep(space), middle(space)
        self.shallow = min(space.near_share(SHALLOW), self.middle)
        self.trials: list[Trial] = []
        self.probes: list[Trial] = []
        self.spent = 0
        self.chosen: Setting | None = None
        """What the probes lead to."""
        self.budget = budget(space)

    def at(self, depth: int, share: float) -> Setting:
        """A depth at the rate that lies so far through the range."""
        low, high = self.space.plan.rates
        return self.space.setting(depth, float(low ** (1 - share) * high**share))

    def customary(self) -> Step:
        """The enqueued settings: in full where they are cheap, otherwise probed first."""
        for setting in self.space.plan.enqueued:
            if self.space.share(setting.depth) > DEAR:
                yield from self._probe(setting, "enqueued")
            else:
                yield from self.full(setting, "enqueued")

    def heads(self) -> Step:
        """The deepest depth, from the highest rate down until one falls behind."""
        low, rate = self.space.plan.rates
        leads = True
        while rate >= low and leads and self._trials_left() > 1:
            best, count = self._best(), len(self.trials)
            yield from self.full(self.space.setting(self.space.deepest, rate))
            leads = len(self.trials) == count or self._best() is not best
            rate /= HEAD_STEP

    def probe_middle(self) -> Step:
        """Probe the middle cut at a high rate; it, or what leads it, is chosen."""
        if self.middle == self.space.deepest:
            return
        others = list(self.probes)
        chosen = self.at(self.middle, HIGH)
        probe = yield from self._probe(chosen)
        if self._harmed(probe):
            chosen = self.at(fitting(self.space), LOW)
            probe = (yield from self._probe(chosen)) if others else None
        self.chosen = chosen
        for other in others:
            if self._leads(other, probe):
                self.chosen, probe = other.setting, other

    def deep_cut(self, chosen: Setting) -> Step:
        """A full trial of the deep cut, where it leaves enough to train what is chosen."""
        if not chosen.depth < self.deep < self.space.head:
            return
        last = self.space.plan.fresh_seeds * self.space.trial(chosen.depth)
        if self.spent + self.space.trial(self.deep) + last <= SLACK * self.budget:
            yield from self.full(replace(chosen, depth=self.deep))

    def shallow_cut(self) -> Step:
        """A full trial of a shallow cut, where the middle one leads the deep one far."""
        middle, deep = (self._best(depth) for depth in (self.middle, self.deep))
        if middle is None or deep is None or self.shallow >= self.middle:
            return
        cost = (1 + self.space.plan.fresh_seeds) * self.space.trial(self.shallow)
        if self.spent + cost <= SLACK * self.budget and self._leads(middle, deep, FAR):
            yield from self.full(replace(middle.setting, depth=self.shallow))

    def neighbours(self) -> Step:
        """The untried neighbours of the best trials, the best one's first."""
        while (setting := self._neighbour()) is not None and self._trials_left():
            yield from self.full(setting)

    def estimated(self) -> Step:
        """What the estimator draws from all trials, at depths that are still affordable."""
        while self._trials_left():
            depths = range(self.space.lowest, self.space.deepest)
            lowest = next((depth for depth in depths if self.affordable(depth)), None)
            if lowest is None:
                share = self.spent / self.space.whole
                self.notes.say(
                    f"The search ends after {len(self.trials)} full trials: what is left of its "
                    f"budget holds no deeper one; {share:.2f} full fine-tunings are spent."
                )
                return
            reach = (lowest, self.space.deepest)
            setting = suggest(self.space, self.trials, reach, startup=0)
            self._take((yield asked(self.space, setting, "sampled")))

    def finalists_by_probe(self, chosen: Setting) -> Finalists:
        """Cuts that are trained in full now for the first time, and the best trials.

        The deep cut is trained only if the chosen one comes out behind the trials.
        """
        self.notes.say(
            f"{named(self.space, chosen)} goes to the finalists by its probe: the budget does not "
            "hold one more full trial of it."
        )
        others = [Finalist(trial.setting, trial.validation_accuracy) for trial in self._alike()]
        if chosen.depth < self.deep < self.space.head and others:
            enough = max(other.enough for other in others)
            others.insert(0, Finalist(replace(chosen, depth=self.deep), enough))
        return [Finalist(chosen), *others]

    def _alike(self) -> list[Trial]:
        """The best full trial of each depth that chance may have put behind the best of all."""
        best = self._best()
        if best is None:
            return []
        least = best.validation_accuracy - ALIKE * self.space.error(best)
        each = (self._best(depth) for depth in range(self.space.head + 1))
        return [trial for trial in each if trial and trial.validation_accuracy >= least]

    def _leads(self, one: Trial | None, other: Trial | None, errors: float = CLEARLY) -> bool:
        """Whether a trial leads another by more than some standard errors; the answer is noted."""
        if one is None or other is None:
            return other is None
        margin = errors * self.space.error(one, other)
        leads = one.validation_accuracy > other.validation_accuracy + margin
        self.notes.say(
            f"{named(self.space, one.setting)} {'leads' if leads else 'does not lead'} "
            f"{named(self.space, other.setting)} clearly: {one.validation_accuracy:.3f} against "
            f"{other.validation_accuracy:.3f}, {errors:g} standard errors are {margin:.3f}."
        )
        return leads

    def _harmed(self, probe: Trial | None) -> bool:
        """Whether a probe shows that its rate is too high; the answer is noted."""
        head = self._best()
        if probe is None or head is None:
            return probe is None
        most = head.validation_accuracy
        least = min(KEPT * most, most - BEHIND * self.space.error(head, probe))
        harmed = probe.validation_accuracy < least
        how, then = ("falls behind", "lowered") if harmed else ("keeps up with", "kept")
        self.notes.say(
            f"{named(self.space, probe.setting)} {how} {named(self.space, head.setting)}: "
            f"{probe.validation_accuracy:.3f} against {most:.3f}, at least {least:.3f} was asked "
            f"for; the rate is {then}."
        )
        return harmed

    def _neighbour(self) -> Setting | None:
        done = sorted((t for t in self.trials if t.scored), key=Trial.rank, reverse=True)
        for trial in done[:3]:
            for setting in self._around(trial.setting):
                if not self._tried(setting) and self.affordable(setting.depth):
                    return setting
        return None

    def _around(self, setting: Setting) -> Iterator[Setting]:
        depth, rate = setting.depth, setting.learning_rate
        factors = (RATE_STEP, 1 / RATE_STEP)
        steps = [(0, factor) for factor in factors] + list(product((1, -1), (1.0,)))
        for step, factor in steps:
            others = {name: getattr(setting, name) for name in CHOICES}
            near = self.space.setting(depth + step, rate * factor, **others)
            if near.depth < self.space.deepest and self.space.share(near.depth) <= DEAR:
                yield near
        for name, choices in conditional(self.space, depth).items():
            others = {one: getattr(setting, one) for one in CHOICES if one != name}
            yield from (self.space.setting(depth, rate, **others, **{name: c}) for c in choices)

    def _tried(self, setting: Setting) -> bool:
        return any(
            replace(trial.setting, learning_rate=setting.learning_rate) == setting
            and 1 / SAME_RATE < trial.learning_rate / setting.learning_rate < SAME_RATE
            for trial in self.trials
        )

    def affordable(self, depth: int) -> bool:
        """Whether a full trial there leaves enough to train two finalists like it anew."""
        own, best = self.space.trial(depth), self._best()
        others = self.space.trial(best.depth) if best else own
        fresh = self.space.plan.fresh_seeds * (own + max(own, others))
        return self.spent + own + fresh <= self.budget

    def _trials_left(self) -> int:
        return self.space.plan.max_trials - len(self.trials)

    def _best(self, depth: int | None = None) -> Trial | None:
        """The best full trial, of all or of one depth."""
        scored = (t for t in self.trials if t.scored and depth in (None, t.depth))
        return max(scored, key=Trial.rank, default=None)

    def full(self, setting: Setting, origin: Origin = "rule") -> Step:
        """Try a setting in full, unless it was or there are trials enough."""
        if self._trials_left() and not self._tried(setting):
            self._take((yield asked(self.space, setting, origin)))

    def _probe(
        self, setting: Setting, origin: Origin = "rule"
    ) -> Generator[Asked, Trial, Trial | None]:
        """Try a setting briefly; none if it failed."""
        epochs = max(1, round(PROBE * self.space.plan.epochs))
        trial = yield asked(self.space, setting, origin, "probe", epochs)
        self.spent += trial.cost
        if trial.state == "failed":
            return None
        self.probes.append(trial)
        return trial

    def _take(self, trial: Trial) -> None:
        self.spent += trial.cost
        self.trials.append(trial)
