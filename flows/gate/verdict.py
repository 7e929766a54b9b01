"""Whether the challenger takes the champion's place: a sentence from two lists of answers."""

from collections.abc import Sequence
from dataclasses import dataclass

from components.evaluation.significance import mcnemar_exact


@dataclass(frozen=True)
class Comparison:
    """What two models predicted for the same images, none of which either has seen before."""

    truth: Sequence[str]
    challenger: Sequence[str]
    champion: Sequence[str]
    challenger_classes: frozenset[str]
    champion_classes: frozenset[str]

    def right(self, answers: Sequence[str]) -> list[bool]:
        """Whether an answer is right, by image."""
        return [answer == label for answer, label in zip(answers, self.truth, strict=True)]

    def known(self) -> list[bool]:
        """Whether the champion knows an image's class at all."""
        return [label in self.champion_classes for label in self.truth]


@dataclass(frozen=True)
class Verdict:
    """Whether to promote, and why."""

    promote: bool
    reason: str
    """One sentence."""
    images: int
    p_value: float | None = None
    """Chance of such a difference, or a larger one, were the challenger no better."""
    gained: int = 0
    """Images that only the challenger has right."""
    lost: int = 0
    """Images that only the champion has right."""
    challenger_accuracy: float | None = None
    champion_accuracy: float | None = None


def first() -> Verdict:
    """A model without anyone to compare it with."""
    return Verdict(promote=True, reason="It is the first model of its name.", images=0)


def decide(comparison: Comparison, alpha: float) -> Verdict:
    """Promote where the challenger is shown to be better and gives up nothing.

    A class that only the challenger knows counts for it; but then it must not be shown to be worse
    on the classes that both know.
    """
    missing = sorted(comparison.champion_classes - comparison.challenger_classes)
    if missing:
        reason = f"The champion knows classes that the challenger lacks: {', '.join(missing)}."
        return Verdict(promote=False, reason=reason, images=len(comparison.truth))
    if not comparison.truth:
        reason = "No test image is left that the champion was not trained on."
        return Verdict(promote=False, reason=reason, images=0)
    return _measured(comparison, alpha)


def _measured(comparison: Comparison, alpha: float) -> Verdict:
    new = comparison.right(comparison.challenger)
    old = comparison.right(comparison.champion)
    p_value = mcnemar_exact(new, old)
    old_and_known = [
        (o, n) for o, n, known in zip(old, new, comparison.known(), strict=True) if known
    ]
    forgets = mcnemar_exact([o for o, _ in old_and_known], [n for _, n in old_and_known]) < alpha
    pairs = list(zip(new, old, strict=True))
    promote, reason = _sentence(p_value, alpha, forgets=forgets)
    return Verdict(
        promote=promote,
        reason=reason,
        images=len(pairs),
        p_value=p_value,
        gained=pairs.count((True, False)),
        lost=pairs.count((False, True)),
        challenger_accuracy=sum(new) / len(new),
        champion_accuracy=sum(old) / len(old),
    )


def _sentence(p_value: float, alpha: float, *, forgets: bool) -> tuple[bool, str]:
    if forgets:
        return False, "It is worse than the champion on the classes that both know."
    if p_value < alpha:
        return True, f"It is better than the champion (p = {p_value:.2g}, below {alpha:g})."
    return False, f"It is not shown to be better than the champion (p = {p_value:.2g})."
