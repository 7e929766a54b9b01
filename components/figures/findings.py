"""What the figures and the page of a run show: tables and documents that the stages wrote."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from components.data.images.policy import AugmentationDescription
from components.data.images.transform import Transform
from components.data.manifest import read_table
from components.figures.scores import Scores
from components.frame import files
from components.frame.tables import read_csv
from components.model.description import NetworkDescription
from components.tasks import registry
from components.tasks.task import Task

KINDS = {
    "full": "trial",
    "confirmation": "confirmation run",
    "probe": "probe (short)",
    "pruned": "ended early",
}
"""What the score of a trial stands for, and how figures name such a trial."""


@dataclass(frozen=True, kw_only=True)
class Files:
    """Where they lie."""

    splits: Path
    quarantine: Path
    augmentation: Path
    preview: Path
    trials: Path
    decisions: Path
    curves: Path
    importances: Path
    freeze_depths: Path
    history: Path
    training: Path
    network: Path
    metrics: Path
    mistakes: Path
    tables: Path
    """A folder of those that the task alone has."""
    raw: Path
    """The folder of the images."""


@dataclass(frozen=True)
class Findings:
    """What a run found; every file is read when a figure first asks for it."""

    files: Files
    shown: int
    """Images in the gallery of the worst mistakes, at most."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """The parameters of each stage, as its model has them."""

    @cached_property
    def splits(self) -> pd.DataFrame:
        """The images, each in its split."""
        return read_table(self.files.splits)

    @cached_property
    def augmentation(self) -> AugmentationDescription:
        """What training makes of images."""
        return AugmentationDescription.read(self.files.augmentation)

    @cached_property
    def quarantine(self) -> pd.DataFrame:
        """The images that were left out, with the reasons; every cell as the text that it is."""
        return pd.read_csv(self.files.quarantine, dtype=str, keep_default_na=False)

    @cached_property
    def decisions(self) -> list[str]:
        """What the search decided, in its order."""
        return list(read_csv(self.files.decisions, decision=str)["decision"])

    @cached_property
    def trials(self) -> pd.DataFrame:
        """The trials of the search that finished an epoch, a row each, with their `kind`.

        That is what the score stands for, one of `KINDS`.
        """
        table = read_csv(self.files.trials)
        early = (table["stage"] != "probe") & (table["state"] == "pruned")
        table["kind"] = table["stage"].mask(early, "pruned")
        return table[table["epochs"] > 0].reset_index(drop=True)

    @cached_property
    def curves(self) -> pd.DataFrame:
        """Their epochs, a row each."""
        return read_csv(self.files.curves)

    @cached_property
    def importances(self) -> dict[str, float]:
        """Fractions of the full trials' variance that settings explain."""
        return dict(files.read_json(self.files.importances))

    @cached_property
    def layers(self) -> list[str]:
        """The first layer that is trained, by freeze depth."""
        return list(self._freeze_depths["layer"])

    @cached_property
    def trained_fractions(self) -> list[float]:
        """The fraction of the parameters that is trained, by freeze depth."""
        return list(self._freeze_depths["trained_fraction"])

    @property
    def whole_cost(self) -> int:
        """Multiply-accumulates of a trial that trains every layer."""
        return int(self._freeze_depths["trial_cost"][0])

    @cached_property
    def history(self) -> pd.DataFrame:
        """The epochs of the final training, a row each."""
        return read_csv(self.files.history)

    @property
    def fallback(self) -> str:
        """How what was trained compares with a linear model; empty: it was not compared."""
        return str(files.read_json(self.files.training).get("fallback", {}).get("sentence", ""))

    @property
    def kept_epoch(self) -> int:
        """The epoch whose weights the final training kept, from 1."""
        return int(files.read_json(self.files.training)["kept_epoch"])

    @cached_property
    def network(self) -> NetworkDescription:
        """The network that was trained."""
        return NetworkDescription.read(self.files.network)

    @cached_property
    def task(self) -> Task:
        """What it learned."""
        return registry.from_description(self.network.task)

    @property
    def scores(self) -> Scores:
        """How the task's scores are written."""
        return Scores(self.task)

    @property
    def transform(self) -> Transform:
        """How an image becomes what the network sees."""
        return Transform.from_dict(self.network.transform)

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """What the predictions of all test images came to."""
        return dict(files.read_json(self.files.metrics))

    @cached_property
    def mistakes(self) -> pd.DataFrame:
        """The test images that a person should look at first, the worst first."""
        names = {"path": str, "true": str, "predicted": str}
        return pd.read_csv(self.files.mistakes, dtype=names, keep_default_na=False)

    def table(self, name: str) -> pd.DataFrame:
        """A table of the task's own, every cell as the text that it is."""
        return pd.read_csv(self.files.tables / f"{name}.csv", dtype=str, keep_default_na=False)

    @cached_property
    def _freeze_depths(self) -> pd.DataFrame:
        return read_csv(self.files.freeze_depths, layer=str)
