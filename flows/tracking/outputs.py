"""What MLflow should hold of the run in `build/`: read from the stages' outputs and events."""

from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.data import naming
from components.frame import files
from components.model.description import NetworkDescription
from flows.project import Project
from flows.records import identity
from flows.tracking import run_content, timings

if TYPE_CHECKING:
    import pandas as pd

    from components.data.images.transform import Transform
    from components.tasks.task import Task

FIGURE_FOLDER, TABLE_FOLDER = "figures", "tables"
"""Folders of a run's artifacts."""
AUGMENTATION = "build/augment/augmentation.json"
"""Says what is learned, and so what is scored."""


@dataclass(frozen=True)
class Outputs:
    """What the stages of a project made; every file is read when it is first asked for."""

    project: Project

    def path(self, name: str) -> Path:
        """An output below `build/`, which must be there."""
        return identity.built(self.project, f"build/{name}")

    @cached_property
    def network(self) -> NetworkDescription:
        """`network.json`: the model that was trained."""
        return NetworkDescription.read(self.path("train/network.json"))

    @cached_property
    def task(self) -> "Task":
        """What it learned."""
        from components.tasks import registry

        return registry.from_description(self.network.task)

    @property
    def transform(self) -> "Transform":
        """How an image becomes what the network sees."""
        from components.data.images.transform import Transform

        return Transform.from_dict(self.network.transform)

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """`metrics.json`: what `evaluate` found on the test images."""
        return dict(files.read_json(self.path("evaluate/metrics.json")))

    @property
    def shown_score(self) -> tuple[str, str, str]:
        """The score on the test images and both ends of its interval, as a person reads them."""
        name = self.task.score_name
        value, low, high = (self.metrics[key] for key in (name, f"{name}_low", f"{name}_high"))
        return self.task.shown(value), self.task.shown(low), self.task.shown(high)

    @cached_property
    def chosen(self) -> dict[str, Any]:
        """`best.yaml`: the setting that the search chose, flat as the table of trials has it."""
        from components.training.recipe import Best

        best = Best.read(self.path("search/best.yaml"))
        return {**asdict(best.setting), "layer": best.layer, "batch_size": best.batch_size}

    @cached_property
    def history(self) -> list[dict[str, str]]:
        """`history.csv`: a row an epoch of the final training."""
        return run_content.rows(self.path("train/history.csv"))

    @cached_property
    def times(self) -> timings.Timings:
        """What the events tell."""
        return timings.read(self.project)


def figure_files(project: Project) -> dict[str, Path]:
    """The stages' figures as artifacts."""
    return {f"{FIGURE_FOLDER}/{path.name}": path for path in sorted(project.build.rglob("*.png"))}


def table_files(project: Project) -> dict[str, Path]:
    """The stages' tables as artifacts by stage, the decisions of the search among them."""
    paths = {path.relative_to(project.build): path for path in project.build.rglob("*.csv")}
    return {f"{TABLE_FOLDER}/{name.parts[0]}/{name.name}": paths[name] for name in sorted(paths)}


def task_tables(project: Project) -> "dict[str, pd.DataFrame]":
    """The tables that `evaluate` wrote for the task, by name."""
    import pandas as pd

    paths = sorted((project.build / "evaluate" / "tables").glob("*.csv"))
    return {path.stem: pd.read_csv(path, keep_default_na=False) for path in paths}


def lineage_files(project: Project) -> dict[str, Path]:
    """What a run can be built again from: parameters, pins, and the images by their digests."""
    paths = [project.pipeline, project.lock, *project.params.glob("*.yaml")]
    paths += project.data.glob("*.yaml")
    named = {path.relative_to(project.root).as_posix(): path for path in sorted(paths)}
    return named | {"data/splits.parquet": project.build / "split" / "splits.parquet"}


def data_version(project: Project) -> str:
    """The fingerprint of the images."""
    return str(files.read_yaml(identity.built(project, "data/source.yaml"))["sha256"])


def is_score_known(project: Project) -> bool:
    """Whether `augment` ran: it tells events of its own before it says what is learned."""
    return (project.root / AUGMENTATION).exists()


def score_name(project: Project) -> str:
    """What people call the score; known as soon as `augment` ran, before anything is trained."""
    from components.data.images.policy import AugmentationDescription
    from components.tasks import registry

    path = identity.built(project, AUGMENTATION)
    return registry.task_class(AugmentationDescription.read(path).task).score_name


def best_validation(outputs: Outputs) -> float | None:
    """The best validation score of an epoch of the final training."""
    scores = (number_in(row, "validation_score") for row in outputs.history)
    return max((value for value in scores if value is not None), default=None)


def number_in(row: dict[str, str], key: str) -> float | None:
    """The finite number in a column of a row."""
    return run_content.number(row.get(key, ""))


def source_name(project: Project) -> str:
    """What a person calls the images."""
    return naming.source_name(str(files.read_yaml(project.params / "ingest.yaml")["source"]))
