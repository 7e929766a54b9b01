"""How the scores of a task are written on figures: under the name that people have for them."""

from dataclasses import dataclass

from components.figures.sheet import percent, plain, signed
from components.tasks.task import Task


@dataclass(frozen=True)
class Scores:
    """What figures call the score, and how they write its values."""

    task: Task

    @property
    def name(self) -> str:
        """What people call it."""
        return self.task.score_name

    @property
    def fraction(self) -> bool:
        """Whether it lies between 0 and 1."""
        return self.task.score_range == (0.0, 1.0)

    def shown(self, score: float) -> str:
        """A mean score as a person reads it."""
        return self.task.shown(score)

    def tick(self, score: float, place: float = 0) -> str:
        """A tick of an axis."""
        return percent(score, place) if self.fraction else plain(score, place)

    def difference(self, score: float) -> str:
        """How far two scores lie apart, with its sign: percentage points of fractions."""
        return f"{signed(100 * score)} points" if self.fraction else f"{score:+.3g}"
