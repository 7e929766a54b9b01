"""The staged strategy: cheap trials first, dear ones only where something speaks for them.

The head alone is tried in full: from the cache it costs little. A middle cut is seldom far from
the best at one of two rates: a bold one, and where that does not leave the head behind, a gentle
one. Where the budget holds no more they are finalists at once; otherwise their neighbours follow.
"""

from collections.abc import Generator, Iterator
from dataclasses import replace
from itertools import product

from components.study.plan import CHOICES
from components.study.space import Space
from components.study.strategies.candidates import SHALLOW, budget, deep, fitting, middle
from components.study.strategies.strategy import (
    ALIKE,
    Exploring,
    Finalist,
    Finalists,
    Notes,
    asked,
    finalists,
    named,
)
from components.study.strategies.tpe import conditional, suggest
from components.study.trial import LATE, Asked, Origin, Trial
from components.training.recipe import Setting

Step = Generator[Asked, Trial, None]

PROBE = 1 / 3
"""Epochs of a probe, as a share of a full trial's; its schedule is as long."""
CLEARLY, FAR, AHEAD = 0.5, 1.0, 2.0
"""Standard errors by which a trial has to lead the one that is preferred; by which the middle cut
has to lead the deep one for a shallow one to be tried as well, and the head two thirds through to
be trained on; and the head at its end, for its rate to be right."""
DEAR = 0.7
"""A setting that leaves more of a pass behind the frozen layers is probed before it is trained."""
HIGH, LOW = 0.85, 0.6
"""The bold and the gentle rate, as shares of the way through the range on its logarithmic scale."""
BOLD, GENTLE = 1e-2, 2e-3
"""What they are at most, as shares of the trained normalisations' mean gain."""
HEAD_STEP, RATE_STEP = 3.0, 2.0
SAME_RATE = 1.1
"""Rates that are closer than this factor are one."""
SLACK = 1.2
"""By how much what guards against a wrong middle cut or rate may exceed it, as a factor."""


def staged(space: Space, notes: Notes) -> Exploring:
    """The head, the middle cut at one rate or two, its neighbours, then the estimator."""
    search = _Staged(space, notes)
    yield from search.customary()
    yield from search.heads()
    first = yield from search.first_cut()
    if first is not None and not search.affordable(first.depth):
        return search.untried_finalists(first)
    if first is not None:
        yield from search.full(first)
        yield from search.gentle_cut()
        yield from search.deep_cut()
        yield from search.shallow_cut()
    yield from search.neighbours()
    yield from search.estimated()
    return finalists(space, search.trials, notes)


class _Staged:
    """The strategy's steps, and what it has seen."""

    def __init__(self, space: Space, notes: Notes) -> None:
        self.space, self.notes = space, notes
        self.deep, self.middle = deep(space), middle(space)
        self.shallow = min(space.near_share(SHALLOW), self.middle)
        self.trials: list[Trial] = []
        self.probes: list[Trial] = []
        self.spent = 0
        self.budget = budget(space)

    def at(self, depth: int, share: float) -> Setting:
        """A depth at the rate that lies so far through the range."""
        low, high = self.space.plan.rates
        return self.space.setting(depth, float(low ** (1 - share) * high**share))

    @property
    def bold(self) -> Setting:
        """The middle cut at a rate that turns pretrained layers over where they do not fit."""
        return self._bounded(self.at(self.middle, HIGH), BOLD)

    @property
    def gentle(self) -> Setting:
        """A cut that trains a little less, at a rate that leaves it much as it was."""
        return self._bounded(self.at(fitting(self.space), LOW), GENTLE)

    def _bounded(self, setting: Setting, share: float) -> Setting:
        most = share * self.space.gains[setting.depth]
        return self.space.setting(setting.depth, min(setting.learning_rate, most))

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

    def first_cut(self) -> Generator[Asked, Trial, Setting | None]:
        """The bold cut, or what is enqueued and leads it in a probe; none: there is one depth."""
        if self.middle == self.space.deepest:
            return None
        chosen, others = self.bold, list(self.probes)
        probe = (yield from self._probe(chosen)) if others else None
        for other in others:
            if self._leads(other, probe):
                chosen, probe = other.setting, other
        return chosen

    def gentle_cut(self) -> Step:
        """A full trial of the gentle cut, unless what is tried leaves the head behind."""
        head, best = self._best(self.space.deepest), self._best()
        alone = best is None or best.depth == self.space.deepest
        if alone or not self._leads(best, head, AHEAD):
            yield from self.full(self.gentle)

    def deep_cut(self) -> Step:
        """A full trial of the deep cut, at the rate of the best one that is not the head."""
        tried = [trial for trial in self.trials if trial.depth < self.deep and trial.scored]
        best = max(tried, key=Trial.rank, default=None)
        if best is not None and self.deep < self.space.head and self.affordable(self.deep):
            yield from self.full(replace(best.setting, depth=self.deep))

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
                    f"budget holds no deeper one; they took {share:.2f} full fine-tunings."
                )
                return
            reach = (lowest, self.space.deepest)
            setting = suggest(self.space, self.trials, reach, startup=0)
            self._take((yield asked(self.space, setting, "sampled")))

    def untried_finalists(self, first: Setting) -> Finalists:
        """Cuts that are trained as finalists for the first time, and the best trials.

        The first is given up if it does not lead the head two thirds through; the gentle cut is
        left out if it leaves the head behind, the deep one unless both fall behind it.
        """
        self.notes.say(
            f"{named(self.space, first)} goes to the finalists untried: the budget does not hold "
            "one more full trial of it."
        )
        best, cuts = self._best(), [Finalist(first)]
        if best is not None:
            score, error = best.validation_accuracy, self.space.error(best)
            deep = replace(self.gentle, depth=self.deep)
            cuts = [Finalist(first, hurdle=score + FAR * error)]
            cuts += [Finalist(self.gentle, score + AHEAD * error)]
            cuts += [Finalist(deep, score - error)] if self.deep < self.space.head else []
        return self._held(cuts) + [
            Finalist(trial.setting, trial.validation_accuracy) for trial in self._alike()
        ]

    def _held(self, cuts: Finalists) -> Finalists:
        """As many different ones as the budget holds; one without another is never given up."""
        found: dict[Setting, Finalist] = {}
        spent = float(self.spent)
        for cut in cuts:
            cost = self.space.plan.fresh_seeds * self.space.trial(cut.setting.depth)
            spent += cost * (LATE if cut.hurdle else 1)
            if not found or (spent <= SLACK * self.budget and cut.setting not in found):
                found[cut.setting] = cut
        kept = list(found.values())
        return kept if len(kept) > 1 else [Finalist(cut.setting) for cut in kept]

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
        if trial.state == "failed":
            return None
        self.probes.append(trial)
        return trial

    def _take(self, trial: Trial) -> None:
        self.spent += trial.cost
        self.trials.append(trial)
