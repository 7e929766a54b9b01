"""The staged strategy: cheap trials first, dear ones only where a probe says that they may win.

Deep freezing is cheap, more so with the cache, and a learning rate that is good at one depth is
good or nearly so at the next. Shallow depths are dear, so one short probe answers the one question
that a short run can answer: do they win clearly?
"""

from collections.abc import Generator, Iterator
from itertools import product

from components.study.setting import Asked, Setting, Trial
from components.study.space import Space
from components.study.strategy import Exploring, Finalists, Notes, asked, finalists, named
from components.study.tpe import suggest

Step = Generator[Asked, Trial, None]

PROBE = 1 / 3
"""Epochs of a probe, as a share of a full trial's; its schedule is as long."""
CLEARLY = 0.5
"""Standard errors by which a shallow probe has to lead."""
DEAR = 0.6
"""A setting that leaves more of a pass behind the frozen layers is probed before it is trained."""
MIDDLE = 0.5
"""What the shallow probe leaves, where none of the enqueued settings is dear."""
HEAD_STEP = 3.0
RATE_STEP = 2.0
PATIENCE = 2
"""Head-only rates in a row below the best after which lower ones are not tried."""
BUDGET, BUDGET_EACH = 0.6, 0.02
"""What may be spent, in full trials that train everything: as a whole, and for each trial."""


def staged(space: Space, notes: Notes) -> Exploring:
    """Head only, probes, the depths that they speak for, their neighbours, then the estimator."""
    search = _Staged(space, notes)
    yield from search.customary()
    yield from search.heads()
    yield from search.compare()
    if search.shallow is not None:
        return search.shallow_finalists()
    yield from search.deep()
    yield from search.neighbours()
    yield from search.estimated()
    return finalists(space, search.trials, notes)


def middle(space: Space) -> int:
    """Where the shallow probe looks, unless an enqueued setting takes its place."""
    if any(space.share(setting.depth) > DEAR for setting in space.plan.enqueued):
        return space.deepest
    return space.near_share(MIDDLE)


class _Staged:
    """The strategy's steps, and what it has seen."""

    def __init__(self, space: Space, notes: Notes) -> None:
        self.space, self.notes = space, notes
        self.trials: list[Trial] = []
        self.probes: list[Trial] = []
        self.spent = 0
        self.shallow: Setting | None = None
        self.budget = space.plan.compute * space.whole
        self.budget *= BUDGET + BUDGET_EACH * space.plan.max_trials

    def customary(self) -> Step:
        """The enqueued settings: in full where they are cheap, otherwise probed first."""
        for setting in self.space.plan.enqueued:
            if self.space.share(setting.depth) > DEAR:
                yield from self._probe(setting, enqueued=True)
            else:
                yield from self._full(setting, enqueued=True)

    def heads(self) -> Step:
        """The deepest depth from the highest rate down, until two in a row fall behind."""
        low, rate = self.space.plan.rates
        behind = 0
        while rate >= low and behind < PATIENCE and self._trials_left() > PATIENCE:
            best, count = self._best(), len(self.trials)
            yield from self._full(Setting(self.space.deepest, rate))
            if len(self.trials) > count:
                behind = behind + 1 if self._best() is best else 0
            rate /= HEAD_STEP

    def compare(self) -> Step:
        """Probe a deep and a shallow depth, and decide between the two."""
        deep = self.space.deepest - 1
        if deep < self.space.lowest:
            return
        if not self.probes:
            if middle(self.space) >= deep:
                return
            yield from self._probe(Setting(middle(self.space), self.space.middle_rate))
        if not self.probes:  # it failed
            return
        shallow = max(self.probes, key=Trial.rank)
        yield from self._probe(Setting(deep, self.space.middle_rate))
        if self.probes[-1].depth == deep:
            self._decide(shallow, self.probes[-1])

    def deep(self) -> Step:
        """The two deepest depths above the head, the deeper first."""
        for step in (1, 2):
            depth = self.space.deepest - step
            if depth >= self.space.lowest and (step == 1 or self._affordable(depth)):
                yield from self._full(Setting(depth, self.space.middle_rate))

    def neighbours(self) -> Step:
        """The untried neighbours of the best trials, the best one's first."""
        while (setting := self._neighbour()) is not None and self._trials_left():
            yield from self._full(setting)

    def estimated(self) -> Step:
        """What the estimator draws from all trials, at depths that are still affordable."""
        while self._trials_left():
            depths = range(self.space.lowest, self.space.deepest)
            lowest = next((depth for depth in depths if self._affordable(depth)), None)
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

    def shallow_finalists(self) -> Finalists:
        """The shallow setting, which its probe chose, and the best of the cheap trials."""
        best = self._best()
        chosen = [self.shallow] if self.shallow else []
        return [*chosen, *([best.setting] if best else [])]

    def _decide(self, shallow: Trial, deep: Trial) -> None:
        half = CLEARLY * self.space.error(shallow, deep)
        wins = shallow.validation_accuracy > deep.validation_accuracy + half
        self.shallow = shallow.setting if wins else None
        self.notes.say(
            f"Shallow depths {'win' if wins else 'do not win'} clearly: "
            f"{named(self.space, shallow.setting)} {shallow.validation_accuracy:.3f} against "
            f"{named(self.space, deep.setting)} {deep.validation_accuracy:.3f}, "
            f"half a standard error {half:.3f}."
        )

    def _neighbour(self) -> Setting | None:
        done = sorted((t for t in self.trials if t.scored), key=Trial.rank, reverse=True)
        for trial in done[:3]:
            for setting in self._around(trial.setting):
                if not self._tried(setting) and self._affordable(setting.depth):
                    return setting
        return None

    def _around(self, setting: Setting) -> Iterator[Setting]:
        depth, rate = setting.depth, setting.learning_rate
        factors = (RATE_STEP, 1 / RATE_STEP)
        steps = [(0, factor) for factor in factors] + list(product((1, -1), (1.0,)))
        for step, factor in steps:
            near = self.space.within(depth + step, rate * factor)
            if near.depth < self.space.deepest and self.space.share(near.depth) <= DEAR:
                yield near

    def _tried(self, setting: Setting) -> bool:
        return any(
            trial.depth == setting.depth and 0.9 < trial.learning_rate / setting.learning_rate < 1.1  # noqa: PLR2004  # the same but for rounding
            for trial in self.trials
        )

    def _affordable(self, depth: int) -> bool:
        """Whether a full trial there leaves enough to train the finalists anew."""
        best = self._best()
        last = self.space.trial(best.depth if best else self.space.deepest)
        wanted = self.space.trial(depth) + 2 * self.space.plan.fresh_seeds * last
        return self.spent + wanted <= self.budget

    def _trials_left(self) -> int:
        return self.space.plan.max_trials - len(self.trials)

    def _best(self) -> Trial | None:
        return max((t for t in self.trials if t.scored), key=Trial.rank, default=None)

    def _full(self, setting: Setting, *, enqueued: bool = False) -> Step:
        if self._trials_left() and not self._tried(setting):
            origin = "enqueued" if enqueued else "rule"
            self._take((yield asked(self.space, setting, origin)))  # type: ignore[arg-type]

    def _probe(self, setting: Setting, *, enqueued: bool = False) -> Step:
        epochs = max(1, round(PROBE * self.space.plan.epochs))
        origin = "enqueued" if enqueued else "rule"
        trial = yield asked(self.space, setting, origin, "probe", epochs)  # type: ignore[arg-type]
        self.spent += trial.cost
        if trial.history:
            self.probes.append(trial)

    def _take(self, trial: Trial) -> None:
        self.spent += trial.cost
        self.trials.append(trial)
