"""What a task is: everything that differs between one kind of target and another.

Search, train, evaluate and judge know nothing of a task but this. Its `score`, one number an image,
higher is better, is what they compare, average and test; people read it under the task's own name
for it, such as accuracy.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor

    from components.tasks.linear import Linear
    from components.tasks.losses import Loss

Array = NDArray[Any]
Interval = Callable[[NDArray[np.float64]], tuple[float, float]]
"""Around the mean of some images' scores, shape (n,), n above 0."""


@dataclass(frozen=True, kw_only=True)
class LossRequest:
    """What is asked of a loss; as it stands here, nothing: a task's own loss as it is."""

    loss: str = "cross_entropy"
    """A name in `losses.LOSSES`."""
    focal_gamma: float = 2.0
    """Of the focal loss."""
    label_smoothing: float = 0.0
    """Fraction of the target that is spread over all classes, 0 to 1."""
    class_weights: str = "none"
    """`none`, `balanced`, or weights by the names of classes, as JSON."""


NOTHING = LossRequest()
"""Asks nothing of a loss."""


class Task(Protocol):
    """What is learned, and how well."""

    name: ClassVar[str]
    """As parameters and documents have it."""
    score_name: ClassVar[str]
    """What people call the score."""
    score_range: ClassVar[tuple[float, float]]
    """Lowest and highest score an image can have; infinite where there is no such bound."""
    figures: ClassVar[tuple[str, ...]]
    """The figures of its own that `report` draws."""
    sections: ClassVar[tuple[str, ...]]
    """The sections of its own on the page that `report` writes, in their order."""

    @property
    def outputs(self) -> int:
        """Numbers that the head gives for an image."""
        ...

    @classmethod
    def of(cls, table: "pd.DataFrame") -> Self:
        """The task that the targets in a table of images set.

        Raises:
            DataError: they are none of this task.
        """
        ...

    @classmethod
    def from_description(cls, described: Mapping[str, Any]) -> Self:
        """Read what `description` wrote."""
        ...

    def description(self) -> dict[str, Any]:
        """All that answers need, besides the name, as JSON can hold it."""
        ...

    def truth(self, table: "pd.DataFrame") -> "pd.Series[Any]":
        """The targets of a table's images as a person writes them, in the order of its rows."""
        ...

    def targets(self, table: "pd.DataFrame") -> Array:
        """The same as the loss takes them, shape (images, ...)."""
        ...

    def loss(self, asked: LossRequest, targets: Array) -> "Loss":
        """The loss that training lowers.

        Args:
            asked: how it is to differ from the task's own.
            targets: of all images that are trained on.

        Raises:
            UsageError: something is asked for that this task's loss does not take.
        """
        ...

    def blendable(self, targets: "Tensor") -> "Tensor":
        """Targets (n, ...) as floats of which weighted means are targets too."""
        ...

    def linear(
        self,
        features: Array,
        targets: Array,
        asked: LossRequest = NOTHING,
        *,
        biased: bool = True,
    ) -> "Linear":
        """The best linear answer to be had of features, of float32: a head to start from.

        They are of one view of each image or several, shape (views, n, d).

        Of what is asked of the loss it goes by the weights of the classes.

        Raises:
            UsageError: the task has none.
        """
        ...

    def scores(self, outputs: "Tensor", targets: "Tensor") -> "Tensor":
        """The score of each image, shape (n,), float32; `targets` may be blended ones."""
        ...

    def answers(self, outputs: "Tensor") -> "Tensor":
        """What the outputs (n, outputs) say, such as probabilities, shape (n, ...), float32."""
        ...

    def served(self, answers: Array) -> "pd.DataFrame":
        """Answers as a registered model gives them: a row an image."""
        ...

    def grade(self, served: "pd.DataFrame", truth: "pd.Series[Any]") -> NDArray[Any]:
        """The score of each served answer, shape (n,), float64."""
        ...

    def predictions(self, answers: Array, truth: "pd.Series[Any]") -> "pd.DataFrame":
        """What is kept of every test image: `true`, `predicted`, `score` and what else matters."""
        ...

    def recalled(self, predictions: "pd.DataFrame") -> Array:
        """The answers that `predictions` keeps of images, as it was given them."""
        ...

    def metrics(self, answers: Array, truth: "pd.Series[Any]") -> dict[str, float]:
        """Figures over all test images, the mean score under `score_name` first."""
        ...

    def tables(
        self, answers: Array, truth: "pd.Series[Any]", interval: Interval
    ) -> "dict[str, pd.DataFrame]":
        """Tables of its own that `evaluate` writes, by name."""
        ...

    def mistakes(self, predictions: "pd.DataFrame") -> "pd.DataFrame":
        """What a person should look at first: rows of `path`, `true`, `predicted` and how sure.

        Args:
            predictions: those of every test image, with its `path`.
        """
        ...

    def shown(self, score: float) -> str:
        """A mean score as a person reads it."""
        ...

    def beside(self, metrics: Mapping[str, float]) -> str:
        """What a person should read beside the score, such as what guessing reaches; or nothing."""
        ...

    def about(self) -> str:
        """What a model of it does, for its page: a verb, its object, and the answers there are."""
        ...

    def limits(self, tables: "Mapping[str, pd.DataFrame]") -> tuple[str, ...]:
        """Sentences on what its answers are not, and where it is weak by `tables` of its own."""
        ...

    def lacking(self, other: Self) -> tuple[str, ...]:
        """What another model of this task can answer and this one cannot."""
        ...

    def answerable(self, truth: "pd.Series[Any]") -> NDArray[Any]:
        """Whether this model can give the right answer at all, by image, shape (n,)."""
        ...
