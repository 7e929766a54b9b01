"""Score the model that this run trained on the test images, and keep every prediction."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from components.frame import files
from components.frame.params import Params
from components.frame.spec import In, Out
from components.frame.stage import run

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray
    from torch import nn

    from components.data.images.transform import Transform


class EvaluateParams(Params):
    """How sure the metrics are to be, and how many mistakes are shown."""

    confidence_level: Annotated[float, Field(gt=0.5, lt=1)]
    """Of the interval around the accuracy."""
    bootstrap_samples: Annotated[int, Field(ge=100)]
    """Resamples behind the interval."""
    mistakes: Annotated[int, Field(ge=1, le=200)]
    """Images in the gallery of the worst mistakes, at most."""
    batch_size: Annotated[int, Field(ge=1)]
    """Images scored at once."""
    seed: Annotated[int, Field(ge=0)]
    """Of the resamples."""
    device: Literal["auto", "cpu", "cuda", "mps"]
    """`auto` takes CUDA or MPS where there is one."""


def evaluate(
    params: EvaluateParams,
    *,
    splits: In,
    raw: In,
    weights: In,
    network: In,
    predictions: Out,
    metrics: Out,
    calibration: Out,
    classes: Out,
    confusion: Out,
    matrix: Out,
    mistakes: Out,
) -> None:
    """Predict every test image once, in float32, and say what the predictions are worth."""
    from safetensors.torch import load_file

    from components.data.images.transform import Transform
    from components.data.manifest import read_table, write_table
    from components.model.backbone import trained
    from components.model.description import NetworkDescription
    from components.model.device import choose_device

    described = NetworkDescription.read(network)
    names = list(described.task["classes"])
    table = read_table(splits)
    table = table[table["split"] == "test"].sort_values("path", ignore_index=True)
    device = choose_device(params.device)
    model = trained(described, load_file(weights), len(names)).to(device)
    transform = Transform.from_dict(described.transform)
    probabilities = _predict(
        model, transform, [raw / path for path in table["path"]], params.batch_size
    )
    scored = _with_predictions(table, probabilities, names)
    write_table(predictions, scored)
    _write_metrics(params, scored, probabilities, names, metrics, calibration)
    _write_classes(scored, probabilities, names, classes, confusion, matrix)
    _draw_mistakes(params, scored, probabilities, raw, transform, mistakes)


def _predict(
    model: "nn.Module", transform: "Transform", paths: "list[Path]", batch_size: int
) -> "NDArray[np.float32]":
    """Class probabilities of image files, shape (files, classes)."""
    import numpy as np

    from components.data.images.decoder import read
    from components.model.predict import probabilities

    batches = []
    for start in range(0, len(paths), batch_size):
        images = [transform(read(path)) for path in paths[start : start + batch_size]]
        batches.append(probabilities(model, np.stack(images)))
    return np.concatenate(batches)


def _with_predictions(
    table: "pd.DataFrame", probabilities: "NDArray[np.float32]", names: list[str]
) -> "pd.DataFrame":
    import pandas as pd

    guesses = probabilities.argmax(1)
    scored = table[["path", "sha256", "class"]].copy()
    scored["prediction"] = [names[guess] for guess in guesses]
    scored["correct"] = scored["class"] == scored["prediction"]
    columns = {f"probability_{index}": probabilities[:, index] for index in range(len(names))}
    return pd.concat([scored, pd.DataFrame(columns)], axis=1)


def _labels(scored: "pd.DataFrame", names: list[str]) -> "NDArray[np.integer[Any]]":
    numbers = {name: index for index, name in enumerate(names)}
    labels: NDArray[np.integer[Any]] = scored["class"].map(numbers).to_numpy("int64")
    return labels


def _write_metrics(
    params: EvaluateParams,
    scored: "pd.DataFrame",
    probabilities: "NDArray[np.float32]",
    names: list[str],
    metrics: "Path",
    calibration: "Path",
) -> None:
    from components.evaluation import metrics as worth
    from components.frame.tables import write_csv

    labels = _labels(scored, names)
    overall = worth.overall(labels, probabilities)
    bins = worth.calibration(labels, probabilities)
    write_csv(calibration, bins)
    low, high = worth.bootstrap_interval(
        scored["correct"].to_numpy(), confidence_level=params.confidence_level,
        samples=params.bootstrap_samples, seed=params.seed,
    )  # fmt: skip
    overall |= {"calibration_error": worth.calibration_error(bins)}
    overall |= {
        "accuracy_low": low,
        "accuracy_high": high,
        "confidence_level": params.confidence_level,
    }
    files.write_json(metrics, {**overall, "images": len(scored)})
    print(
        f"test accuracy {overall['accuracy']:.1%} ({params.confidence_level:.0%} interval "
        f"{low:.1%} to {high:.1%}) on {len(scored):,} images; the largest class alone: "
        f"{overall['majority_fraction']:.1%}"
    )


def _write_classes(
    scored: "pd.DataFrame",
    probabilities: "NDArray[np.float32]",
    names: list[str],
    classes: "Path",
    confusion: "Path",
    matrix: "Path",
) -> None:
    from components.evaluation import metrics
    from components.figures.confusion_matrix import save_matrix
    from components.frame.tables import write_csv

    labels = _labels(scored, names)
    write_csv(classes, metrics.per_class(labels, probabilities, names))
    write_csv(confusion, scored[["class", "prediction"]])
    save_matrix(matrix, metrics.confusion(labels, probabilities, len(names)), names)


def _draw_mistakes(
    params: EvaluateParams,
    scored: "pd.DataFrame",
    probabilities: "NDArray[np.float32]",
    raw: "Path",
    transform: "Transform",
    mistakes: "Path",
) -> None:
    from components.data.images.decoder import read
    from components.figures.mistakes import Mistake, save_mistakes

    wrong = scored.assign(confidence=probabilities.max(1))[~scored["correct"]]
    worst = wrong.sort_values(["confidence", "path"], ascending=[False, True])
    worst = worst.head(params.mistakes)
    columns = zip(
        worst["path"], worst["prediction"], worst["confidence"], worst["class"], strict=True
    )
    gallery = [
        Mistake(transform.crop(transform.shrink(read(raw / path))), predicted, confidence, true)
        for path, predicted, confidence, true in columns
    ]
    save_mistakes(mistakes, gallery, len(wrong), len(scored))


if __name__ == "__main__":
    run(evaluate)
