"""What a trained network is worth: its answers to the test images, and the figures over them."""

from dataclasses import dataclass
from functools import partial
from math import isfinite
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import nn

from components.data.images.decoder import read
from components.data.images.transform import Transform
from components.data.manifest import read_table, write_table
from components.evaluation.significance import interval
from components.frame import files
from components.frame.errors import DataError
from components.frame.progress import printed
from components.frame.tables import write_csv
from components.model.backbone import trained
from components.model.description import NetworkDescription
from components.model.device import DeviceName, choose_device
from components.model.predict import answers
from components.tasks import registry
from components.tasks.task import Array, Task

FEWEST = 2
"""Test images; the mean of one score has no interval."""


@dataclass(frozen=True)
class EvaluateInputs:
    """The files, as the stages before wrote them."""

    splits: Path
    raw: Path
    weights: Path
    network: Path


@dataclass(frozen=True)
class EvaluateOutputs:
    """What the evaluation writes."""

    predictions: Path
    mistakes: Path
    metrics: Path
    tables: Path
    """A folder of those that the task alone has."""


def assess(
    inputs: EvaluateInputs,
    outputs: EvaluateOutputs,
    *,
    confidence_level: float,
    batch_size: int,
    device: DeviceName,
) -> None:
    """Predict every test image once and write each prediction and what they come to together.

    Metrics of which these images say nothing, such as ROC AUC where all are of one class, are left
    out.

    Raises:
        DataError: there are too few images, or the network gives no numbers.
    """
    described = NetworkDescription.read(inputs.network)
    task = registry.from_description(described.task)
    images = read_table(inputs.splits)
    images = images[images["split"] == "test"].sort_values("path", ignore_index=True)
    _check_number(len(images))
    transform = Transform.from_dict(described.transform)
    model = trained(described, files.read_tensors(inputs.weights), task.outputs, transform.size)
    model.to(choose_device(device))
    paths = [inputs.raw / path for path in images["path"]]
    answered = predict(model, task, transform, paths, batch_size)
    truth = task.truth(images)
    scored = task.predictions(answered, truth)
    told = images[["path", "sha256"]].join(scored)
    write_table(outputs.predictions, told)
    write_csv(outputs.mistakes, task.mistakes(told))
    around = partial(interval, confidence_level=confidence_level)
    outputs.tables.mkdir(exist_ok=True)  # also where a task has none
    for name, table in task.tables(answered, truth, around).items():
        write_csv(outputs.tables / f"{name}.csv", table)
    low, high = around(scored["score"].to_numpy())
    every = task.metrics(answered, truth)
    figures = {name: value for name, value in every.items() if isfinite(value)}
    bounds = {f"{task.score_name}_low": low, f"{task.score_name}_high": high}
    own = {"confidence_level": confidence_level, "images": len(images)}
    files.write_json(outputs.metrics, figures | bounds | own)
    score, beside = figures[task.score_name], task.beside(figures)
    print(
        f"test {task.score_name} {task.shown(score)} ({confidence_level:.0%} interval "
        f"{task.shown(low)} to {task.shown(high)}) on {len(images):,} images"
        f"{f'; {beside}' if beside else ''}"
    )


def _check_number(images: int) -> None:
    if images < FEWEST:
        raise DataError(
            f"the test split must hold {FEWEST} images or more, but holds {images}. Bring more "
            "images, or raise split.test_fraction."
        )


def predict(
    model: nn.Module, task: Task, transform: Transform, paths: list[Path], batch_size: int
) -> Array:
    """The task's answers for image files, shape (files, ...).

    Raises:
        DataError: not all of them are numbers.
    """
    batches: list[NDArray[np.float32]] = []
    tell = printed("answered for")
    for start in range(0, len(paths), batch_size):
        inputs = [transform(read(path)) for path in paths[start : start + batch_size]]
        batches.append(answers(model, np.stack(inputs), task.answers))
        tell(start + len(inputs), len(paths))
    found = np.concatenate(batches)
    if not np.isfinite(found).all():
        raise DataError(
            "what the network answers must be numbers, but some are not: its training diverged. "
            "Lower search.learning_rate.high, then: dvc repro"
        )
    return found
