"""The augmentation of a run, written for what trains and drawn for a person."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from components.data.images.augmentation import family, load
from components.data.images.decoder import read
from components.data.images.pipeline_pin import POLICIES, Pipeline
from components.data.images.policy import AugmentationDescription
from components.data.images.sizing import auto_size
from components.data.images.transform import Transform
from components.data.manifest import read_table
from components.figures.augmentation_preview import save_preview
from components.figures.lettering import legible
from components.frame import files
from components.frame.errors import DataError, UsageError
from components.frame.work import Work
from components.model.description import PretrainedDescription
from components.tasks.classification import Classification
from components.tasks.registry import task_class
from components.training.mirroring import of_images

DRAWS = 3
"""Draws of each magnitude in the preview."""
EACH = 3
"""Images of a class from which those of the preview are taken."""


def build(
    splits: Path,
    raw: Path,
    model: Path,
    config: Path,
    *,
    work: Work,
    task: str,
    image_size: Literal["auto"] | int,
    image_size_limit: int | None,
    crop_fraction: float,
    policy: str,
    horizontal_flip: Literal["auto"] | bool,
    pipeline: Path,
    preview_images: int,
    augmentation: Path,
    preview: Path,
    **asked: Any,  # noqa: ANN401  # the others that `augmentation.Asked` has
) -> None:
    """Write the evaluation transform and the augmentation family, and a sheet of examples.

    Raises:
        UsageError: there is no such task.
        DataError: a pipeline of a person's own is not pinned, or cannot be used.
    """
    _check_task(task)
    table = read_table(splits)
    pretrained = PretrainedDescription.read(config)
    if image_size == "auto":
        image_size = _size(table, pretrained, image_size_limit)
    resize = round(image_size / crop_fraction)
    transform = Transform(size=image_size, resize=resize, mean=pretrained.mean, std=pretrained.std)
    asked |= {"policy": policy, "pipeline": _pinned(pipeline, policy)}
    why = ""
    if horizontal_flip == "auto":
        horizontal_flip, why = _mirrored(table, raw, transform, model, config, work, task)
    described = AugmentationDescription(
        task=task,
        evaluation=transform.to_dict(),
        training=family(transform.size, horizontal_flip=horizontal_flip, **asked),
        mirrored=horizontal_flip,
        mirroring=why,
    )
    described.write(augmentation)
    _draw_preview(described, table, raw, preview_images, preview)
    print(f"images of {transform.size} x {transform.size} pixels")


def _check_task(name: str) -> None:
    try:
        task_class(name)
    except UsageError as error:
        raise UsageError(f"params/augment.yaml: {error}") from None


def _mirrored(
    table: pd.DataFrame,
    raw: Path,
    transform: Transform,
    model: Path,
    config: Path,
    work: Work,
    task: str,
) -> tuple[bool, str]:
    """Whether images may be mirrored, and why; no, where what is learned is not of which class."""
    learned = task_class(task).of(table)
    if not isinstance(learned, Classification):
        return False, ""
    found = of_images(table, raw, transform, learned, model, config, work)
    print(found.sentence())
    return found.allowed, found.sentence()


def _pinned(pin: Path, policy: str) -> Pipeline | None:
    """The pipeline of a person's own as the pin holds it; None for a policy that has a name.

    Raises:
        DataError: the pin is of another policy.
    """
    pipeline: Pipeline | None = files.read_yaml(pin)["pipeline"]
    if (pipeline is None) is not (policy in POLICIES):
        raise DataError(
            "the pipeline that params/augment.yaml asks for must be the one that "
            "data/pipeline.yaml pins, but is not. Take it: thawline sync"
        )
    return pipeline


def _size(table: pd.DataFrame, pretrained: PretrainedDescription, limit: int | None) -> int:
    """What `auto` takes, with a word where the network does not let the limit have its way."""
    native, fixed = int(pretrained.input_size[-1]), pretrained.fixed_input_size
    size = auto_size(table, native, fixed=fixed, limit=limit)
    if limit is not None and size > limit:
        print(
            f"{pretrained.architecture} takes {size} pixels alone: image_size_limit={limit} is void"
        )
    return size


def _draw_preview(
    described: AugmentationDescription, table: pd.DataFrame, raw: Path, most: int, preview: Path
) -> None:
    transform = Transform.from_dict(described.evaluation)
    chosen = table[table["split"] == "train"].groupby("class", sort=True).head(EACH)
    chosen = chosen.sort_values("sha256").head(most)
    images = [transform.shrink(read(raw / path)) for path in chosen["path"]]
    rows = [
        [transform.crop(image), *_drawn(image, described, number)]
        for number, image in enumerate(images)
    ]
    headings = [f"magnitude {one}" for one in _shown(described) for _ in range(DRAWS)]
    classes = sorted(table["class"].unique())
    shown = dict(zip(classes, legible(classes), strict=True))
    save_preview(preview, rows, ["original", *headings], [shown[n] for n in chosen["class"]])


def _drawn(
    image: NDArray[np.uint8], described: AugmentationDescription, row: int
) -> list[NDArray[np.uint8]]:
    """An image as each magnitude may show it; no row has the draws of another."""
    return [
        load(described.training, int(magnitude))(image, seed)
        for magnitude in _shown(described)
        for seed in range(row * DRAWS, (row + 1) * DRAWS)
    ]


def _shown(described: AugmentationDescription) -> list[str]:
    """All magnitudes but 0, which draws nothing."""
    return [magnitude for magnitude in described.training if magnitude != "0"]
