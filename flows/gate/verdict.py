"""Whether the challenger takes the champion's place: a sentence from the scores of both."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, isfinite
from statistics import NormalDist, pstdev

from components.evaluation.scores import mean
from components.evaluation.significance import paired_p_value

OVERRULE = 'thawline promote VERSION --anyway --reason "..."'
MEANT = f"If that is meant to be gone: {OVERRULE}"
NONE_LEFT = f"Add images that it was not trained on, or choose yourself: {OVERRULE}"
LOOK = "See which images it lost: thawline compare champion VERSION"
HARDLY = "Nothing speaks for it: more images would hardly change that. Train it otherwise."


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The scores of two models for the same images, none of which either has seen before."""

    score_name: str
    """What people call the score."""
    shown: Callable[[float], str]
    """A mean score as people read it."""
    challenger: Sequence[float]
    champion: Sequence[float]
    answerable: Sequence[bool]
    """Whether the champion can give the right answer at all, by image."""
    lacking: Sequence[str]
    """What the champion knows and the challenger does not."""
    adding: Sequence[str] = ()
    """What the challenger knows and the champion does not."""

    @property
    def answerable_scores(self) -> tuple[list[float], list[float]]:
        """The scores of both for the images that the champion can answer, the champion's first."""
        known = [
            (old, new)
            for old, new, answerable in zip(
                self.champion, self.challenger, self.answerable, strict=True
            )
            if answerable
        ]
        return [old for old, _ in known], [new for _, new in known]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether to promote, and why."""

    promote: bool
    reason: str
    """One sentence, or two."""
    advice: str | None = None
    """What a person may do about it; VERSION stands for the challenger's number."""
    images: int
    p_value: float | None = None
    """Chance of such a difference, or a larger one, were the challenger no better."""
    gained: int = 0
    """Images for which the challenger has the higher score."""
    lost: int = 0
    """Images for which the champion has it."""
    challenger_score: float | None = None
    """The mean over the images."""
    champion_score: float | None = None
    refused: bool = False
    """Its package does not answer as it was evaluated: nothing was compared."""


def refused(fault: str) -> Verdict:
    """A model whose package does not do what was measured, for the reason that is given."""
    return Verdict(promote=False, reason=f"Its package is refused: {fault}", images=0, refused=True)


def first() -> Verdict:
    """A model without anyone to compare it with."""
    return Verdict(promote=True, reason="It is the first model of its name.", images=0)


def other_task(challenger: str, champion: str) -> Verdict:
    """A model that learned something else than the champion: no score compares the two."""
    reason = f"It learned {challenger}, but the champion {champion}: no score compares the two."
    return Verdict(promote=False, reason=reason, images=0)


def decide(comparison: Comparison, alpha: float) -> Verdict:
    """Promote where the challenger is shown to be better and gives up nothing.

    What only the challenger knows counts for it; but then it must not be shown to be worse on what
    both know.
    """
    images = len(comparison.challenger)
    if comparison.lacking:
        reason = f"The champion knows what the challenger lacks: {', '.join(comparison.lacking)}."
        return Verdict(promote=False, reason=reason, advice=MEANT, images=images)
    if not images:
        reason = "No test image is left that the champion was not trained on."
        return Verdict(promote=False, reason=reason, advice=NONE_LEFT, images=0)
    if not all(map(isfinite, (*comparison.challenger, *comparison.champion))):
        reason = "Not every image has a score that is a number: no test compares the two."
        return Verdict(promote=False, reason=reason, images=images)
    return _measured(comparison, alpha)


def _measured(comparison: Comparison, alpha: float) -> Verdict:
    new, old = comparison.challenger, comparison.champion
    p_value = paired_p_value(new, old)
    forgets = paired_p_value(*comparison.answerable_scores) < alpha
    promote, reason = _sentence(comparison, p_value, alpha, forgets=forgets)
    if comparison.adding:
        reason += f" It knows what the champion does not: {', '.join(comparison.adding)}."
    return Verdict(
        promote=promote,
        reason=reason,
        advice=None if promote else _advice(new, old, alpha, forgets=forgets),
        images=len(new),
        p_value=p_value,
        gained=sum(n > o for n, o in zip(new, old, strict=True)),
        lost=sum(n < o for n, o in zip(new, old, strict=True)),
        challenger_score=mean(new),
        champion_score=mean(old),
    )


def _sentence(
    comparison: Comparison, p_value: float, alpha: float, *, forgets: bool
) -> tuple[bool, str]:
    name = comparison.score_name
    if forgets:
        return False, f"Its {name} is worse than the champion's on what both know."
    new, old = (comparison.shown(mean(one)) for one in (comparison.challenger, comparison.champion))
    scores = f"{new} against {old}, p = {p_value:.2g}"
    if p_value < alpha:
        return True, f"Its {name} is better than the champion's ({scores}, below {alpha:g})."
    return False, f"Its {name} is not shown to be better than the champion's ({scores})."


def _advice(new: Sequence[float], old: Sequence[float], alpha: float, *, forgets: bool) -> str:
    """What would bring a promotion about."""
    if forgets:
        return LOOK
    more = images_missing(new, old, alpha)
    if not more:
        return HARDLY
    return f"About {more:,} more test images would show a difference as large as this one. {LOOK}"


def images_missing(challenger: Sequence[float], champion: Sequence[float], alpha: float) -> int:
    """How many more images would show the mean difference there is, one-sided at `alpha`.

    The normal approximation: a mean stays, and its standard error falls as the square root of the
    images. 0: no number would, since the difference is none or speaks for the champion.
    """
    differences = [new - old for new, old in zip(challenger, champion, strict=True)]
    lead = mean(differences)
    if lead <= 0:
        return 0
    quantile = NormalDist().inv_cdf(1 - alpha)
    wanted = (quantile * pstdev(differences) / lead) ** 2
    return max(1, ceil(wanted) - len(differences))
