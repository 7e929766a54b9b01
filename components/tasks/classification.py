"""Classification: which of several classes an image shows. Its score is whether that is right."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from components.frame import documents
from components.frame.errors import UsageError
from components.tasks.task import NOTHING, Array, Interval, LossRequest

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor

    from components.tasks.linear import Linear
    from components.tasks.losses import Loss

CLASS = "class"
"""The column of a table that holds the targets, and of a served answer."""
PROBABILITY = "probability_"
"""Begins the name of a served answer's column for a class."""
NO_WEIGHTS, BALANCED = "none", "balanced"
"""Of `class_weights`; anything else gives them by name."""
LONGEST_LIST = 300
"""Characters of class names; more of them are only counted."""
WEAKEST = 3
"""Classes named among the limits."""


@dataclass(frozen=True)
class Classification:
    """One of several classes an image."""

    name: ClassVar[str] = "classification"
    score_name: ClassVar[str] = "accuracy"
    score_range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    figures: ClassVar[tuple[str, ...]] = ("confusion_matrix", "mistakes")
    sections: ClassVar[tuple[str, ...]] = ("classes", "confusions", "mistakes")

    classes: tuple[str, ...]
    """Their names, in the order of the network's outputs."""

    @property
    def outputs(self) -> int:
        """One a class."""
        return len(self.classes)

    @classmethod
    def of(cls, table: "pd.DataFrame") -> Self:
        """The classes that a table names, sorted."""
        return cls(tuple(sorted(table[CLASS].unique())))

    @classmethod
    def from_description(cls, described: Mapping[str, Any]) -> Self:
        """Read what `description` wrote."""
        return documents.built(cls, described, "task")

    def description(self) -> dict[str, Any]:
        """The classes."""
        return {"classes": list(self.classes)}

    def truth(self, table: "pd.DataFrame") -> "pd.Series[Any]":
        """The names of the classes."""
        return table[CLASS]

    def targets(self, table: "pd.DataFrame") -> NDArray[np.int64]:
        """The numbers of the classes, shape (images,)."""
        return self._numbers(table[CLASS])

    def loss(self, asked: LossRequest, targets: Array) -> "Loss":
        """Cross-entropy or focal loss, each image by the weight of its class."""
        from components.tasks.losses import LOSSES, Loss

        named = LOSSES[asked.loss](asked.focal_gamma)
        each = partial(named, label_smoothing=asked.label_smoothing)
        return Loss(each, self._weights(asked.class_weights, targets))

    def _weights(self, asked: str, targets: Array) -> "Tensor | None":
        """By class: `balanced` as scikit-learn has it, or those given, and 1.0 where none is."""
        if asked == NO_WEIGHTS:
            return None
        import torch

        if asked == BALANCED:
            from sklearn.utils.class_weight import compute_class_weight

            by_number = compute_class_weight("balanced", classes=np.arange(self.outputs), y=targets)
        else:
            given = json.loads(asked)
            self._check_named(given)
            by_number = np.array([given.get(name, 1.0) for name in self.classes])
        if (by_number == by_number[0]).all():
            raise UsageError(
                f"search.class_weights must have an effect, but {asked} weighs all classes the "
                "same here. Take it back: thawline params --reset search.class_weights"
            )
        return torch.from_numpy(by_number).float()

    def _check_named(self, given: Mapping[str, float]) -> None:
        for name in given:
            if name not in self.classes:
                near = get_close_matches(name, self.classes, n=3, cutoff=0.5)
                hint = f"Near are: {', '.join(near)}" if near else f"There are: {self._listed()}"
                raise UsageError(
                    f"search.class_weights must name classes that there are, but {name!r} is none. "
                    f"{hint}."
                )

    def blendable(self, targets: "Tensor") -> "Tensor":
        """A one for the class among zeros, shape (n, classes)."""
        from torch.nn import functional

        return functional.one_hot(targets, self.outputs).float()

    def linear(
        self,
        features: Array,
        targets: Array,
        asked: LossRequest = NOTHING,
        *,
        biased: bool = True,
    ) -> "Linear":
        """A multinomial logistic regression, each image by the weight of its class."""
        from components.tasks.linear import logistic

        by_number = self._weights(asked.class_weights, targets)
        weights = None if by_number is None else by_number.numpy()
        return logistic(features, targets, self.outputs, biased=biased, weights=weights)

    def scores(self, outputs: "Tensor", targets: "Tensor") -> "Tensor":
        """1.0 where the likeliest class is right, otherwise 0.0."""
        true = targets if targets.ndim == 1 else targets.argmax(1)
        return (outputs.argmax(1) == true).float()

    def answers(self, outputs: "Tensor") -> "Tensor":
        """The probability of each class, shape (n, classes)."""
        return outputs.float().softmax(1)

    def served(self, answers: Array) -> "pd.DataFrame":
        """The likeliest class, and the probability of each."""
        import pandas as pd

        columns = [f"{PROBABILITY}{name}" for name in self.classes]
        table = pd.DataFrame(answers, columns=columns)
        table.insert(0, CLASS, self._likeliest(answers))
        return table

    def grade(self, served: "pd.DataFrame", truth: "pd.Series[Any]") -> NDArray[np.float64]:
        """1.0 where the class is right, otherwise 0.0."""
        right: NDArray[np.bool_] = served[CLASS].to_numpy() == truth.to_numpy()
        return right.astype(np.float64)

    def predictions(self, answers: Array, truth: "pd.Series[Any]") -> "pd.DataFrame":
        """The class, and the probability of each by its number: names may hold anything."""
        import pandas as pd

        table = pd.DataFrame({"true": truth.to_numpy(), "predicted": self._likeliest(answers)})
        table["score"] = (table["true"] == table["predicted"]).astype(np.float64)
        columns = {f"{PROBABILITY}{index}": answers[:, index] for index in range(self.outputs)}
        return pd.concat([table, pd.DataFrame(columns)], axis=1)

    def recalled(self, predictions: "pd.DataFrame") -> Array:
        """The probabilities, shape (images, classes)."""
        names = [f"{PROBABILITY}{index}" for index in range(self.outputs)]
        return predictions[names].to_numpy()

    def metrics(self, answers: Array, truth: "pd.Series[Any]") -> dict[str, float]:
        """Accuracy, the largest class alone, macro averages, ROC AUC, log loss, calibration."""
        from components.evaluation import metrics

        labels = self._numbers(truth)
        bins = metrics.calibration(labels, answers)
        figures = metrics.overall(labels, answers)
        return figures | {"calibration_error": metrics.calibration_error(bins)}

    def tables(
        self, answers: Array, truth: "pd.Series[Any]", interval: Interval
    ) -> "dict[str, pd.DataFrame]":
        """Calibration by confidence, figures by class, and which class was taken for which."""
        import pandas as pd

        from components.evaluation import metrics

        labels = self._numbers(truth)
        figures = metrics.per_class(labels, answers, list(self.classes))
        pairs = {"true": truth.to_numpy(), "predicted": self._likeliest(answers)}
        return {
            "calibration": metrics.calibration(labels, answers),
            "classes": figures.join(_recall_bounds(labels, answers, interval)),
            "confusion": pd.DataFrame(pairs),
        }

    def mistakes(self, predictions: "pd.DataFrame") -> "pd.DataFrame":
        """The images whose class was not found, the most confident first."""
        wrong = predictions[predictions["score"] < 1]
        probability = wrong.filter(regex=f"^{PROBABILITY}").max(axis=1)
        told = wrong[["path", "true", "predicted"]].assign(probability=probability)
        return told.sort_values(["probability", "path"], ascending=[False, True])

    def shown(self, score: float) -> str:
        """In percent."""
        return f"{score:.1%}"

    def beside(self, metrics: Mapping[str, float]) -> str:
        """What naming the largest class every time would reach."""
        return f"the largest class alone: {metrics['majority_fraction']:.1%}"

    def about(self) -> str:
        """The classes by name, or how many where they are many."""
        listed = self._listed()
        named = f": {listed}" if len(listed) <= LONGEST_LIST else ""
        return f"names the class of an image; {len(self.classes)} classes{named}"

    def limits(self, tables: "Mapping[str, pd.DataFrame]") -> tuple[str, ...]:
        """That no image is left without a class, and the classes with the lowest F1."""
        always = "Every image gets one of these classes, also one that shows none of them."
        if "classes" not in tables:
            return (always,)
        worst = tables["classes"].sort_values("f1", kind="stable").head(WEAKEST)
        rows = zip(worst["class"], worst["f1"], worst["images"], strict=True)
        named = ", ".join(f"{name} ({f1:.3f}, {images:,} images)" for name, f1, images in rows)
        return always, f"Weakest classes by F1: {named}."

    def lacking(self, other: Self) -> tuple[str, ...]:
        """The classes that the other knows and this one does not, sorted."""
        return tuple(sorted(set(other.classes) - set(self.classes)))

    def answerable(self, truth: "pd.Series[Any]") -> NDArray[np.bool_]:
        """Whether the class is one of this model's."""
        return truth.isin(self.classes).to_numpy(bool)

    def _listed(self) -> str:
        return ", ".join(self.classes)

    def _numbers(self, names: "pd.Series[Any]") -> NDArray[np.int64]:
        numbers = {name: index for index, name in enumerate(self.classes)}
        return np.array(names.map(numbers), dtype=np.int64)

    def _likeliest(self, answers: Array) -> list[str]:
        return [self.classes[index] for index in answers.argmax(1)]


def _recall_bounds(labels: NDArray[np.int64], answers: Array, interval: Interval) -> "pd.DataFrame":
    """Both ends of the interval around the recall of each class; of one without images, none."""
    import pandas as pd

    right = (answers.argmax(1) == labels).astype(np.float64)
    of = [right[labels == number] for number in range(answers.shape[1])]
    bounds = [interval(scores) if len(scores) else (np.nan, np.nan) for scores in of]
    return pd.DataFrame(bounds, columns=["recall_low", "recall_high"])
