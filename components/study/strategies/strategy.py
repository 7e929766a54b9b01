"""What a strategy is: it asks for trials one by one, sees each, and ends with finalists.

A strategy is a generator that depends on nothing but the space and the trials it is handed. After
a kill it is run again from the start, and trials that are finished are handed over at once: it asks
for the same ones and goes on where it was.
"""

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field, replace
from math import inf, sqrt
from statistics import fmean, variance
from typing import Self, cast

from components.study.space import Space
from components.study.trial import Asked, Origin, Stage, Trial
from components.training.recipe import CHOICES, Setting


@dataclass(frozen=True)
class Finalist:
    """A setting that is trained anew in confirmation runs."""

    setting: Setting
    enough: float = inf
    """It is left out if a finalist before it has so high a score."""
    pruning_threshold: float | None = None
    """It is given up if its score is lower two thirds through."""


Finalists = list[Finalist]
Exploring = Generator[Asked, Trial, Finalists]
Session = Generator[Asked, Trial, Setting | None]
FINALISTS = 2
ENOUGH_UNBEATEN = 2
"""Full trials that no setting can lead, after which a search ends."""
TIE = 1.0
"""Standard errors within which finalists are taken for tied."""
MOST_RUNS = 4
"""Factor on the confirmation runs of finalists that stay tied over folds, at most."""


@dataclass
class Notes:
    """What was decided and why, a sentence each."""

    tell: Callable[[str], None] = lambda _sentence: None
    shown: Callable[[float], str] = "{:.3f}".format
    """A score, or a difference of two, as people read it."""
    sentences: list[tuple[int, str]] = field(default_factory=list)
    """With the number of trials that were finished then."""
    trials: int = 0

    def say(self, sentence: str) -> None:
        """Keep a decision."""
        self.sentences.append((self.trials, sentence))
        self.tell(sentence)


def asked(
    space: Space, setting: Setting, origin: Origin, stage: Stage = "full", epochs: int | None = None
) -> Asked:
    """A trial of a setting; without `epochs` as long as a full one."""
    return Asked(setting=setting, origin=origin, stage=stage, epochs=epochs or space.plan.epochs)


def error_of_best(*trials: Trial) -> float:
    """The standard error of the best of some trials' scores."""
    return max(trials, key=lambda trial: trial.score).error


def named(space: Space, setting: Setting) -> str:
    """A setting as a sentence names it: the baseline goes without saying."""
    baseline = space.setting(setting.freeze_depth, setting.learning_rate)
    rates = f"{setting.learning_rate:.2g}"
    if space.plan.body and setting.backbone_rate < 1:
        rates += f" (layers {setting.learning_rate * setting.backbone_rate:.2g})"
    others = (
        f", {name.replace('_', ' ')} {_shown(getattr(setting, name))}"
        for name in CHOICES
        if getattr(setting, name) != getattr(baseline, name)
        and not (space.plan.body and name == "backbone_rate")
    )
    return f"{space.layers[setting.freeze_depth]} at {rates}{''.join(others)}"


def _shown(value: float | str) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def finalists(space: Space, trials: Iterable[Trial], notes: Notes) -> Finalists:
    """The best full trials of two freeze depths; the second only where the two are tied.

    Two rates at one freeze depth differ less by their worth than by chance: they are both finalists
    only where there is no other freeze depth.
    """
    done = sorted((trial for trial in trials if trial.scored), key=Trial.rank, reverse=True)
    if space.plan.head == "yardstick":
        done = [trial for trial in done if trial.freeze_depth < space.head] or done
    if not done:
        return []
    first = done[0]
    others = [trial for trial in done if trial.setting != first.setting]
    if not others:
        return [Finalist(first.setting)]
    second = ([trial for trial in others if trial.freeze_depth != first.freeze_depth] or others)[0]
    margin = TIE * error_of_best(first, second)
    lead = first.score - second.score
    lines = (
        f"{named(space, first.setting)} ({notes.shown(first.score)}) and "
        f"{named(space, second.setting)} ({notes.shown(second.score)})"
    )
    apart = notes.shown(margin)
    if lead > margin:
        notes.say(f"{lines} are more than {apart} apart: the first alone is trained anew.")
        return [Finalist(first.setting)]
    notes.say(f"{lines} are within {apart}: both are trained anew in confirmation runs.")
    return [Finalist(first.setting), Finalist(second.setting)]


def session(
    space: Space, exploring: Exploring, notes: Notes, over: Callable[[int], bool]
) -> Session:
    """Explore until done or `over`, then confirm the finalists; the best of them.

    Args:
        space: the settings there are.
        exploring: a strategy.
        notes: where decisions are kept.
        over: whether time is up, asked with the number of trials before each.
    """
    last = yield from _limited(space, exploring, notes, over)
    means: list[_Mean] = []
    for one in last:
        setting = one.setting
        best = max((mean.score for mean in means), default=-inf)
        if best >= one.enough:
            notes.say(
                f"{named(space, setting)} is not trained: {notes.shown(one.enough)} was asked "
                f"for, and {notes.shown(best)} is reached."
            )
            continue
        confirmations = yield from _repeated(space, one, notes)
        if confirmations:
            means.append(_Mean.of(setting, confirmations))
    if not means:
        return None
    if space.folds == 1:
        return _chosen(space, means, notes)
    means = yield from _untied(space, means, notes)
    chosen = _chosen(space, means, notes)
    if len(means) == 1:
        return chosen
    yield asked(space, chosen, "repeated", "confirmation")  # what is reported: nothing goes by it
    return chosen


@dataclass(frozen=True, kw_only=True)
class _Mean:
    """What the confirmation runs of a finalist reached on average."""

    setting: Setting
    score: float
    error: float
    """The standard error of one run's score: all saw the same validation images."""
    loss: float
    runs: tuple[Trial, ...] = ()

    @classmethod
    def of(cls, setting: Setting, runs: Sequence[Trial]) -> Self:
        """The means over one run or more."""
        score, error = fmean(run.score for run in runs), fmean(run.error for run in runs)
        loss = fmean(run.validation_loss for run in runs)
        return cls(setting=setting, score=score, error=error, loss=loss, runs=tuple(runs))


def _untied(
    space: Space, means: Sequence[_Mean], notes: Notes
) -> Generator[Asked, Trial, list[_Mean]]:
    """Train tied finalists anew until they no longer are, `MOST_RUNS` times each at most.

    From two runs on each, what differs from run to run, by seed and by folds, tells how far a lead
    is by chance: the images are the same.
    """
    means = sorted(means, reverse=True, key=lambda mean: mean.score)
    while len(means) > 1 and len(means[1].runs) < MOST_RUNS * space.plan.confirmation_runs:
        (first, second), others = means[:2], means[2:]
        margin = _margin(first, second)
        if first.score - second.score > margin:
            break
        notes.say(
            f"{named(space, first.setting)} ({notes.shown(first.score)}) and "
            f"{named(space, second.setting)} ({notes.shown(second.score)}) are within "
            f"{notes.shown(margin)}: both are trained anew once more."
        )
        again = []
        for mean in (first, second):
            trial = yield asked(space, mean.setting, "repeated", "confirmation")
            ended = (trial,) if trial.state == "complete" else ()
            again.append(_Mean.of(mean.setting, (*mean.runs, *ended)))
        if len(again[0].runs) == len(first.runs) or len(again[1].runs) == len(second.runs):
            break
        means = sorted([*again, *others], reverse=True, key=lambda mean: mean.score)
    return means


def _margin(first: _Mean, second: _Mean) -> float:
    """The standard error of the lead of one finalist over another."""
    scores = [[run.score for run in mean.runs] for mean in (first, second)]
    if min(map(len, scores)) == 1:
        return TIE * max(first.error, second.error)
    return TIE * sqrt(sum(variance(runs) / len(runs) for runs in scores))


def _chosen(space: Space, means: Iterable[_Mean], notes: Notes) -> Setting:
    """The best of the finalists; the head alone only where it leads by its standard error.

    Freezing all else costs 1.8 to 42.6 points against full fine-tuning, depending on the data set,
    over twelve of them and four networks (microsoft/robust-models-transfer,
    best_params_per_dataset_per_arch): where scores do not decide, that does.
    """
    if space.plan.head == "yardstick":
        means = list(means)
        means = [mean for mean in means if mean.setting.freeze_depth < space.head] or means
    best, *others = sorted(means, reverse=True, key=lambda mean: (mean.score, -mean.loss))
    margin = TIE * sqrt(2) * best.error  # the lead's: both scores are by chance
    head = best.setting.freeze_depth == space.head
    tied = (one for one in others if best.score <= one.score + margin)
    trained = next((one for one in tied if one.setting.freeze_depth < space.head), None)
    if head and trained is not None:
        notes.say(
            f"{named(space, best.setting)} ({notes.shown(best.score)}) and "
            f"{named(space, trained.setting)} ({notes.shown(trained.score)}) are within "
            f"{notes.shown(margin)}: the head alone is seldom best."
        )
        best = trained
    score = notes.shown(best.score)
    notes.say(f"{named(space, best.setting)} is chosen: {score} in confirmation runs.")
    return best.setting


def _repeated(space: Space, one: Finalist, notes: Notes) -> Generator[Asked, Trial, list[Trial]]:
    """Confirmation runs of a finalist; those that reached their end, none if given up."""
    done: list[Trial] = []
    for _ in range(space.plan.confirmation_runs):
        wanted = asked(space, one.setting, "repeated", "confirmation")
        trial = yield replace(wanted, pruning_threshold=one.pruning_threshold)
        if trial.state == "pruned" and one.pruning_threshold is not None:
            score, least = notes.shown(trial.score), notes.shown(one.pruning_threshold)
            notes.say(
                f"{named(space, one.setting)} is given up: {score} two thirds through, "
                f"{least} was asked for."
            )
            return []
        done += [trial] if trial.state == "complete" else []
    return done


def _limited(
    space: Space, exploring: Exploring, notes: Notes, over: Callable[[int], bool]
) -> Exploring:
    """Hand on what a strategy asks for until it ends, the best is certain or time is up."""
    seen: list[Trial] = []
    try:
        wanted = next(exploring)
        while not (seen and over(len(seen))):
            seen.append((yield wanted))
            notes.trials = len(seen)
            if certain := _certain(space, seen, notes):
                return certain
            wanted = exploring.send(seen[-1])
    except StopIteration as ended:
        return cast("Finalists", ended.value)
    notes.say(f"time is up after {len(seen)} trials; another run may come further.")
    return finalists(space, seen, notes)


def _certain(space: Space, trials: Sequence[Trial], notes: Notes) -> Finalists:
    """The better of two full trials that no setting can lead by their standard error; or none.

    One alone may be luck: of few images all are right now and then.
    """
    unbeaten = [
        one for one in trials if one.scored and space.highest_score - one.score <= one.error
    ]
    if len(unbeaten) < ENOUGH_UNBEATEN or unbeaten[-1] is not trials[-1]:
        return []
    first, second = sorted(unbeaten, key=Trial.rank, reverse=True)[:ENOUGH_UNBEATEN]
    notes.say(
        f"{named(space, first.setting)} ({notes.shown(first.score)}) and "
        f"{named(space, second.setting)} ({notes.shown(second.score)}) are so good that no setting "
        f"can lead them by a standard error, {notes.shown(second.error)}: nothing more is tried."
    )
    return [Finalist(first.setting)]
