"""What the champion says of the images on which it can be judged fairly."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from components.frame import files
from components.frame.errors import DataError
from components.model.description import NetworkDescription
from flows.project import Project
from flows.records import identity
from flows.serving import fetched, worker

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.entities.model_registry import ModelVersion

    from components.tasks.task import Task

SEEN = ("train", "val")
"""Splits on which a model was trained or chosen."""
EARLIER = {"side": "split"}
"""Columns of the table of images as Thawline 0.1 wrote it, and what they are now."""


def fair(project: Project, version: "ModelVersion", images: "pd.DataFrame") -> "pd.DataFrame":
    """The images, by path, that the champion was neither trained on nor chosen by."""
    splits = images_of(project, version)
    seen = splits.loc[splits["split"].isin(SEEN), "sha256"]
    return images[~images["sha256"].isin(seen)].sort_values("path").reset_index(drop=True)


def images_of(project: Project, version: "ModelVersion") -> "pd.DataFrame":
    """The table of the images that a version was made from: `sha256`, `split` and more.

    Raises:
        DataError: the store does not have it.
    """
    import pandas as pd

    with fetched.part(project, version, fetched.SPLITS) as path:
        return pd.read_parquet(path).rename(columns=EARLIER)


def learned(project: Project, version: "ModelVersion") -> "Task":
    """What the champion learned."""
    from components.tasks import registry

    with fetched.part(project, version, fetched.NETWORK) as path:
        return registry.from_description(NetworkDescription.read(path).task)


def answers(
    project: Project, version: "ModelVersion", model: str, images: "pd.DataFrame"
) -> "pd.DataFrame":
    """What the champion serves for each image; computed once per champion and images.

    `model` is the digest of the champion.

    Raises:
        DataError: the model in the store is not the one that was registered, or reads no image.
    """
    import pandas as pd

    cached = kept(project, model, images)
    if not cached.exists():
        paths = [identity.built(project, f"data/raw/{name}") for name in images["path"]]
        with fetched.model(project, version) as folder, worker.running(folder) as champion:
            table = pd.DataFrame(_served(champion, paths), columns=champion.columns)
        with files.replacing(cached) as path:
            table.to_parquet(path, index=False)
    return pd.read_parquet(cached)


def kept(project: Project, model: str, images: "pd.DataFrame") -> Path:
    """Where the answers of a model to these images, in this order, are kept."""
    named = identity.digest(images["sha256"].tolist())
    return project.private / "champion" / f"{model[:16]}-{named[:16]}.parquet"


def _served(champion: worker.Worker, paths: list[Path]) -> Iterator[worker.Answer]:
    for path, answer in zip(paths, champion.answers(paths), strict=True):
        if "error" in answer:
            raise DataError(
                f"Every test image must be readable to the champion, but {path} is not: "
                f"{answer['error']}. Take it out of the source, then: thawline run"
            )
        yield answer
