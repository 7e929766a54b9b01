"""Score the model that this run trained on the test images, and keep every prediction."""

from typing import Annotated, Literal

from pydantic import Field

from components.frame.params import Params
from components.frame.spec import In, Out
from components.frame.stage import run


class EvaluateParams(Params):
    """How sure the metrics are to be."""

    confidence_level: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    """Of the interval around the score."""
    batch_size: Annotated[int, Field(ge=1)] = 64
    """Images scored at once."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where the network runs; `auto` takes CUDA or MPS where there is one."""


def evaluate(
    params: EvaluateParams,
    *,
    splits: In,
    raw: In,
    weights: In,
    network: In,
    predictions: Out,
    mistakes: Out,
    metrics: Out,
    tables: Out,
) -> None:
    """Predict every test image once, in float32, and say what the predictions are worth."""
    from components.tasks.assessment import EvaluateInputs, EvaluateOutputs, assess

    assess(
        EvaluateInputs(splits=splits, raw=raw, weights=weights, network=network),
        EvaluateOutputs(predictions=predictions, mistakes=mistakes, metrics=metrics, tables=tables),
        **params.model_dump(),
    )


if __name__ == "__main__":
    run(evaluate)
