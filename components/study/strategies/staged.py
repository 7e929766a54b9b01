"""The staged strategy: cheap trials first, dear ones only where something speaks for them.

The head alone is tried in full: from the cache it costs little. A mid freeze point is seldom far
from the best at one of two rates: a high one, and where that does not leave the head behind, a low
one. Where the budget holds no more they are finalists at once; otherwise their neighbours follow.
"""

from collections.abc import Generator, Iterator
from dataclasses import replace
from itertools import product
from typing import Any

from components.study.rates import is_plain
from components.study.space import Space
from components.study.strategies.candidates import (
    PROBE,
    attends,
    budget,
    early,
    fitting,
    guessed,
    late,
    mid,
)
from components.study.strategies.strategy import (
    TIE,
    Exploring,
    Finalist,
    Finalists,
    Notes,
    asked,
    error_of_best,
    finalists,
    named,
)
from components.study.strategies.tpe import conditional, suggest
from components.study.trial import LATE, Asked, Origin, Trial
from components.training.recipe import CHOICES, Setting

Step = Generator[Asked, Trial, None]

CLEAR_LEAD = 0.5
"""Standard errors by which the probe of a baseline must lead that of the high-rate trial to take
its place."""
FAR_LEAD = 1.0
"""Standard errors by which the mid freeze point must lead the late one for an early one to be tried
as well, and by which an untried finalist must lead the head two thirds through to be trained on."""
RIGHT_RATE_LEAD = 2.0
"""Standard errors by which a trial must lead the head at its end for its rate to be taken for
right: the low rate is then not tried."""
DEAR = 0.7
"""Fraction of a pass behind the frozen layers; a baseline that leaves more is probed before it is
trained in full, and no neighbour that leaves more is tried."""
HIGH_RATE = 0.85
"""The high rate, as a fraction of the way through the range on its logarithmic scale."""
LOW_RATE = 0.6
"""The low rate, as a fraction of the way through the range on its logarithmic scale."""
HIGH_RATE_MOST = 1e-2
"""The high rate at most, as a fraction of the trained layers' mean norm scale."""
LOW_RATE_MOST = 2e-3
"""The low rate at most, as a fraction of the trained layers' mean norm scale."""
HEAD_STEP = 3.0
"""Factor from one rate of the head to the next lower one."""
RATE_STEP = 2.0
"""Factor from a rate to its neighbours."""
WIDE_RATE_STEP = 3.0
"""Factor between rates at a freeze point too dear for many."""
PROBED_STEP = 3.0
"""Factor from one rate that is probed to the next."""
FAR_BEHIND = 0.08
"""By so much of the range of scores a head is far behind: rates then rather go up. On 12 data sets
the tenfold higher rate of two won where it was more (microsoft/robust-models-transfer)."""
FEW_PARAMETERS = ("lora_rank", "tuning")
"""What says that few of the parameters train."""
SAME_RATE = 1.1
"""Factor; rates that are closer are one."""
BEST_WITH_NEIGHBOURS = 3
"""How many of the best trials have their neighbours tried."""
SLACK = 1.2
"""Factor by which what guards against a wrong mid freeze point or rate may exceed the budget."""


def staged(space: Space, notes: Notes) -> Exploring:
    """The head, the mid freeze point at one rate or two, its neighbours, then the estimator."""
    search = _Staged(space, notes)
    yield from search.baselines()
    yield from search.heads()
    first = yield from search.first_trial()
    if first is not None and not search.affordable(first.freeze_depth):
        return search.untried_finalists(first)
    if first is not None:
        yield from search.full(first)
        yield from search.low_rate_trial()
        yield from search.few_trials()
        yield from search.late_trial()
        yield from search.early_trial()
        yield from search.other_rates()
    yield from search.neighbours()
    yield from search.estimated()
    return finalists(space, search.trials, notes)


class _Staged:
    """The strategy's steps, and what it has seen."""

    def __init__(self, space: Space, notes: Notes) -> None:
        self.space, self.notes = space, notes
        self.late, self.mid = late(space), mid(space)
        self.early = early(space)
        self.trials: list[Trial] = []
        self.probes: list[Trial] = []
        self.spent = 0
        self.budget = budget(space)
        self.rate: float | None = None
        """That which led in probes, where rates were probed."""

    def at(self, freeze_depth: int, fraction: float) -> Setting:
        """A freeze depth at the rate that lies so far through the range."""
        low, high = self.space.plan.rates
        return self.space.setting(freeze_depth, float(low ** (1 - fraction) * high**fraction))

    @property
    def high_rate(self) -> Setting:
        """The mid freeze point at a rate that turns layers over where they do not fit."""
        return self._bounded(self.at(self.mid, HIGH_RATE), HIGH_RATE_MOST)

    @property
    def low_rate(self) -> Setting:
        """A freeze point that trains a little less, at a rate that leaves it much as it was.

        Where rates were probed, at the one that led.
        """
        if self.rate is not None:
            return self.space.setting(fitting(self.space), self.rate)
        return self._bounded(self.at(fitting(self.space), LOW_RATE), LOW_RATE_MOST)

    def _bounded(self, setting: Setting, fraction: float) -> Setting:
        if is_plain(setting.optimizer):  # its steps are as large as gradients are, not as the rate
            return setting
        most = fraction * self.space.norm_scales[setting.freeze_depth] / setting.backbone_rate
        return self.space.setting(setting.freeze_depth, min(setting.learning_rate, most))

    def baselines(self) -> Step:
        """The enqueued settings: in full where they are cheap, otherwise probed first."""
        for setting in self.space.enqueued:
            if self.space.fraction(setting.freeze_depth) > DEAR:
                yield from self._probe(setting, "enqueued")
            else:
                yield from self.full(setting, "enqueued")

    def heads(self) -> Step:
        """The highest freeze depth, from the highest rate down until one falls behind."""
        low, rate = self.space.plan.rates
        leads = True
        while rate >= low and leads and self._trials_left() > 1:
            best, count = self._best(), len(self.trials)
            yield from self.full(self.space.setting(self.space.highest, rate))
            leads = len(self.trials) == count or self._best() is not best
            rate /= HEAD_STEP

    def first_trial(self) -> Generator[Asked, Trial, Setting | None]:
        """The high-rate trial, or what leads it in a probe; none: there is one freeze depth."""
        if self.mid == self.space.highest:
            return None
        chosen, others = self.high_rate, list(self.probes)
        if guessed(self.space):
            probe = yield from self._probed_rates(chosen)
            chosen = self._with(chosen, learning_rate=self.rate)
        else:
            probe = (yield from self._probe(chosen)) if others else None
        for other in others:
            if self._leads(other, probe):
                chosen, probe = other.setting, other
        return chosen

    def _probed_rates(self, high: Setting) -> Generator[Asked, Trial, Trial | None]:
        """What leads of a rate, a lower one, and the next one on the side of the better.

        A kind of network tells its rates to a factor of ten; a short schedule, which favours higher
        ones a little, tells those that undo its layers.
        """
        lower = self._with(high, learning_rate=high.learning_rate / PROBED_STEP)
        first, second = (yield from self._probe(high)), (yield from self._probe(lower))
        up = first is not None and self._better(first, second) is first
        start, factor = (high, PROBED_STEP) if up else (lower, 1 / PROBED_STEP)
        beyond = self._with(start, learning_rate=start.learning_rate * factor)
        third = (yield from self._probe(beyond)) if beyond not in (high, lower) else None
        probes = [probe for probe in (first, second, third) if probe]
        self.spent += sum(probe.cost for probe in probes)
        best = self._better(*probes)
        self.rate = (best.setting if best else beyond).learning_rate
        shown = ", ".join(
            f"{probe.learning_rate:.2g} {self.notes.shown(probe.score)}" for probe in probes
        )
        layer = self.space.layers[high.freeze_depth]
        self.notes.say(
            f"Of rates that were probed from {layer} on ({shown}) {self.rate:.2g} goes on."
        )
        return best

    @staticmethod
    def _better(*probes: Trial | None) -> Trial | None:
        """The best of some probes; none: all failed."""
        return max(filter(None, probes), key=Trial.rank, default=None)

    def low_rate_trial(self) -> Step:
        """The low-rate trial in full, unless what is tried leaves the head behind."""
        head, best = self._best(self.space.highest), self._best()
        alone = best is None or best.freeze_depth == self.space.highest
        if alone or not self._leads(best, head, RIGHT_RATE_LEAD):
            yield from self.full(self.low_rate)

    def few_trials(self) -> Step:
        """What trains few parameters of all layers, at the mid freeze point, in full.

        On 19 sets of 1,000 images a ViT-B with adapters leads one of which everything trains by 6.7
        points; in a search of few epochs they learn too slowly to come first.
        """
        choices = self.space.plan.choices if attends(self.space) else {}
        for name in FEW_PARAMETERS:
            for value in choices.get(name, ())[1:]:
                few = self._with(self.high_rate, **{name: value})
                if self.affordable(few.freeze_depth):
                    yield from self.full(few)

    def late_trial(self) -> Step:
        """The late freeze point in full, at the rate of the best one that is not the head."""
        tried = [trial for trial in self.trials if trial.freeze_depth < self.late and trial.scored]
        best = max(tried, key=Trial.rank, default=None)
        if best is not None and self.late < self.space.head and self.affordable(self.late):
            yield from self.full(self.space.moved(best.setting, self.late))

    def early_trial(self) -> Step:
        """An early freeze point in full, where the mid one leads the late one far."""
        mid, late = self._best(self.mid), self._best(self.late)
        if mid is None or late is None or self.early >= self.mid:
            return
        cost = (1 + self.space.plan.confirmation_runs) * self.space.trial(self.early)
        held = self.spent + cost <= SLACK * self.budget
        if held and (attends(self.space) or self._leads(mid, late, FAR_LEAD)):
            yield from self.full(self.space.moved(mid.setting, self.early))

    def other_rates(self) -> Step:
        """Higher and lower rates of the best freeze point, where it is too dear for neighbours."""
        while (setting := self._other_rate()) is not None and self._trials_left():
            yield from self.full(setting)

    def neighbours(self) -> Step:
        """The untried neighbours of the best trials, the best one's first."""
        while (setting := self._neighbour()) is not None and self._trials_left():
            yield from self.full(setting)

    def estimated(self) -> Step:
        """What the estimator draws from all trials, at freeze depths that are still affordable."""
        while self._trials_left():
            freeze_depths = range(self.space.lowest, self.space.highest)
            lowest = next(filter(self.affordable, freeze_depths), None)
            if lowest is None:
                fraction = self.spent / self.space.whole
                self.notes.say(
                    f"The search ends after {len(self.trials)} full trials: what is left of its "
                    f"budget holds none that trains more; they took {fraction:.2f} full "
                    "fine-tunings."
                )
                return
            reach = (lowest, self.space.highest)
            setting = suggest(self.space, self.trials, reach, startup=0)
            self._take((yield asked(self.space, setting, "sampled")))

    def untried_finalists(self, first: Setting) -> Finalists:
        """Settings that are trained as finalists for the first time, and the best trials.

        The first is given up if it does not lead the head two thirds through; the low-rate trial
        is left out if it leaves the head behind, the late freeze point unless both fall behind it.
        Where the head is but a yardstick, nothing is given up for it.
        """
        self.notes.say(
            f"{named(self.space, first)} goes to the finalists untried: the budget does not hold "
            "one more full trial of it."
        )
        best, candidates = self._best(), [Finalist(first)]
        if best is not None:
            score, error = best.score, best.error
            late = self.space.moved(self.low_rate, self.late)
            candidates = [Finalist(first, pruning_threshold=score + FAR_LEAD * error)]
            candidates += [Finalist(self.low_rate, score + RIGHT_RATE_LEAD * error)]
            candidates += [Finalist(late, score - error)] if self.late < self.space.head else []
        if self.space.plan.head == "yardstick":
            return self._held([Finalist(first), Finalist(self.low_rate)])
        tied = [Finalist(trial.setting, trial.score) for trial in self._tied()]
        return self._held(candidates) + tied

    def _held(self, candidates: Finalists) -> Finalists:
        """As many different ones as the budget holds; one without another is never given up."""
        held: dict[Setting, Finalist] = {}
        spent = float(self.spent)
        for candidate in candidates:
            cost = self.space.trial(candidate.setting.freeze_depth)
            most = LATE if candidate.pruning_threshold is not None else 1
            spent += self.space.plan.confirmation_runs * cost * most
            if not held or (spent <= SLACK * self.budget and candidate.setting not in held):
                held[candidate.setting] = candidate
        kept = list(held.values())
        return kept if len(kept) > 1 else [Finalist(candidate.setting) for candidate in kept]

    def _tied(self) -> list[Trial]:
        """The best full trial of each freeze depth that is tied with the best of all."""
        best = self._best()
        if best is None:
            return []
        least = best.score - TIE * best.error
        each = map(self._best, range(self.space.head + 1))
        return [trial for trial in each if trial and trial.score >= least]

    def _leads(self, one: Trial | None, other: Trial | None, errors: float = CLEAR_LEAD) -> bool:
        """Whether a trial leads another by more than some standard errors; the answer is noted."""
        if one is None or other is None:
            return other is None
        margin = errors * error_of_best(one, other)
        leads = one.score > other.score + margin
        error = "1 standard error is" if errors == 1 else f"{errors:g} standard errors are"
        shown = self.notes.shown
        self.notes.say(
            f"{named(self.space, one.setting)} {'leads' if leads else 'does not lead'} "
            f"{named(self.space, other.setting)} clearly: {shown(one.score)} against "
            f"{shown(other.score)}, {error} {shown(margin)}."
        )
        return leads

    def _other_rate(self) -> Setting | None:
        trained = [t for t in self.trials if t.scored and t.freeze_depth < self.space.highest]
        best, head = max(trained, key=Trial.rank, default=None), self._best(self.space.highest)
        if best is None or self.space.fraction(best.freeze_depth) <= DEAR:
            return None
        both = (1 + self.space.plan.confirmation_runs) * self.space.trial(best.freeze_depth)
        if self.spent + both > self.budget:
            return None
        far = head is None or best.score - head.score > FAR_BEHIND
        factors = (WIDE_RATE_STEP, 1 / WIDE_RATE_STEP)
        for factor in factors if far else reversed(factors):
            other = self._with(best.setting, learning_rate=best.learning_rate * factor)
            if not self._tried(other):
                return other
        return None

    def _with(self, setting: Setting, **changed: Any) -> Setting:  # noqa: ANN401  # as `Setting` has them
        others = {name: getattr(setting, name) for name in ("learning_rate", *CHOICES)} | changed
        return self.space.setting(setting.freeze_depth, others.pop("learning_rate"), **others)

    def _neighbour(self) -> Setting | None:
        done = sorted((t for t in self.trials if t.scored), key=Trial.rank, reverse=True)
        for trial in done[:BEST_WITH_NEIGHBOURS]:
            for setting in self._around(trial.setting):
                if not self._tried(setting) and self.affordable(setting.freeze_depth):
                    return setting
        return None

    def _around(self, setting: Setting) -> Iterator[Setting]:
        freeze_depth, rate = setting.freeze_depth, setting.learning_rate
        factors = (RATE_STEP, 1 / RATE_STEP)
        steps = [(0, factor) for factor in factors] + list(product((1, -1), (1.0,)))
        for step, factor in steps:
            others = {name: getattr(setting, name) for name in CHOICES}
            near = self.space.setting(freeze_depth + step, rate * factor, **others)
            left = self.space.fraction(near.freeze_depth)
            if near.freeze_depth < self.space.highest and left <= DEAR:
                yield near
        for name, choices in conditional(self.space, freeze_depth).items():
            others = {one: getattr(setting, one) for one in CHOICES if one != name}
            for choice in choices:
                yield self.space.setting(freeze_depth, rate, **others, **{name: choice})

    def _tried(self, setting: Setting) -> bool:
        return any(
            replace(trial.setting, learning_rate=setting.learning_rate) == setting
            and 1 / SAME_RATE < trial.learning_rate / setting.learning_rate < SAME_RATE
            for trial in self.trials
        )

    def affordable(self, freeze_depth: int) -> bool:
        """Whether a full trial there leaves enough to train two finalists like it anew."""
        own, best = self.space.trial(freeze_depth), self._best()
        others = self.space.trial(best.freeze_depth) if best else own
        confirmations = self.space.plan.confirmation_runs * (own + max(own, others))
        return self.spent + own + confirmations <= self.budget

    def _trials_left(self) -> int:
        return self.space.plan.max_trials - len(self.trials)

    def _best(self, freeze_depth: int | None = None) -> Trial | None:
        """The best full trial, of all or of one freeze depth."""
        scored = (t for t in self.trials if t.scored and freeze_depth in (None, t.freeze_depth))
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
