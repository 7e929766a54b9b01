"""A second task, as somebody would add it: one number an image. Its score is minus the error."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from components.frame.errors import UsageError
from components.tasks.losses import Loss
from components.tasks.task import Array, Interval, LossRequest

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Regression:
    """The number that names an image's folder."""

    name: ClassVar[str] = "regression"
    score_name: ClassVar[str] = "negative_error"
    score_range: ClassVar[tuple[float, float]] = (-np.inf, 0.0)
    figures: ClassVar[tuple[str, ...]] = ()
    sections: ClassVar[tuple[str, ...]] = ()
    outputs: ClassVar[int] = 1

    @classmethod
    def of(cls, table: "pd.DataFrame") -> Self:
        return cls()

    @classmethod
    def from_description(cls, described: Mapping[str, Any]) -> Self:
        return cls()

    def description(self) -> dict[str, Any]:
        return {}

    def truth(self, table: "pd.DataFrame") -> "pd.Series[Any]":
        return table["class"].astype("float64")

    def targets(self, table: "pd.DataFrame") -> NDArray[np.float32]:
        return self.truth(table).to_numpy(np.float32)[:, None]

    def loss(self, asked: LossRequest, targets: Array) -> Loss:
        for name, value in asdict(LossRequest()).items():
            if getattr(asked, name) != value:
                raise UsageError(f"{name} must be {value} here, but is {getattr(asked, name)}.")
        return Loss(functional.mse_loss)

    def blendable(self, targets: Tensor) -> Tensor:
        return targets

    def linear(
        self, features: Array, targets: Array, asked: Any = None, *, biased: bool = True
    ) -> Any:
        raise UsageError("head_start must be `drawn` for numbers.")

    def scores(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return -(outputs - targets).abs().squeeze(1)

    def answers(self, outputs: Tensor) -> Tensor:
        return outputs.float()

    def served(self, answers: Array) -> "pd.DataFrame":
        import pandas as pd

        return pd.DataFrame({"number": answers[:, 0]})

    def grade(self, served: "pd.DataFrame", truth: "pd.Series[Any]") -> NDArray[np.float64]:
        return -np.abs(served["number"].to_numpy(float) - truth.to_numpy(float))

    def predictions(self, answers: Array, truth: "pd.Series[Any]") -> "pd.DataFrame":
        import pandas as pd

        table = pd.DataFrame({"true": truth.to_numpy(), "predicted": answers[:, 0]})
        return table.assign(score=self.grade(self.served(answers), truth))

    def recalled(self, predictions: "pd.DataFrame") -> Array:
        return predictions[["predicted"]].to_numpy()

    def metrics(self, answers: Array, truth: "pd.Series[Any]") -> dict[str, float]:
        return {self.score_name: float(self.grade(self.served(answers), truth).mean())}

    def tables(
        self, answers: Array, truth: "pd.Series[Any]", interval: Interval
    ) -> "dict[str, pd.DataFrame]":
        return {}

    def mistakes(self, predictions: "pd.DataFrame") -> "pd.DataFrame":
        return predictions.sort_values("score")[["path", "true", "predicted"]]

    def shown(self, score: float) -> str:
        return f"{score:.2f}"

    def beside(self, metrics: Mapping[str, float]) -> str:
        return "the mean alone reaches -1.5"

    def about(self) -> str:
        return "tells the number of an image"

    def limits(self, tables: "Mapping[str, pd.DataFrame]") -> tuple[str, ...]:
        return ("A number is told for every image.",)

    def lacking(self, other: Self) -> tuple[str, ...]:
        return ()

    def answerable(self, truth: "pd.Series[Any]") -> NDArray[np.bool_]:
        return np.ones(len(truth), dtype=bool)
