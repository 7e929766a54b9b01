"""What a model that was trained on from the champion still knows: both on earlier test sets.

The test set of every version that the registry still has, as far as its images are among those on
which both can be judged today.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from components.evaluation.scores import mean
from components.frame import files
from components.frame.errors import DataError
from components.model.weights.pin import CHAMPION
from flows.gate.champion import images_of
from flows.gate.verdict import Comparison
from flows.project import Project

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.entities.model_registry import ModelVersion

    from flows.tracking.stores import Store

MOST = 20
"""So many of the newest earlier test sets are measured."""


def measured(
    project: Project,
    store: "Store",
    challenger: "ModelVersion",
    images: "pd.DataFrame",
    comparison: Comparison,
) -> list[dict[str, Any]] | None:
    """How both score on earlier test sets, the newest first; None: it was not trained on.

    Args:
        project: the project.
        store: holds the versions.
        challenger: the new one.
        images: by `sha256`, those of the comparison.
        comparison: the scores of both, in the order of `images`.
    """
    pin = project.data / "start.yaml"
    if not pin.is_file() or "weights" not in _champion(files.read_yaml(pin)):
        return None
    return [
        {
            "version": number,
            "images": int(chosen.sum()),
            "of": len(test_set),
            "challenger_score": _mean(comparison.challenger, chosen),
            "champion_score": _mean(comparison.champion, chosen),
        }
        for number, test_set in _test_sets(project, store, challenger)
        for chosen in [images["sha256"].isin(test_set).to_numpy()]
    ]


def _champion(pin: Mapping[str, Any]) -> Mapping[str, Any]:
    """The pin of a champion; of other weights nothing."""
    return pin if pin.get("source") == CHAMPION else {}


def _test_sets(
    project: Project, store: "Store", challenger: "ModelVersion"
) -> Iterator[tuple[int, frozenset[str]]]:
    """The different test sets of earlier versions, the newest first, by SHA-256 of the images."""
    found = store.client.search_model_versions(f"name = '{challenger.name}'")
    numbers = {int(one.version): one for one in found}
    seen: set[frozenset[str]] = set()
    for number in sorted(numbers, reverse=True):
        if number < int(challenger.version) and len(seen) < MOST:
            test_set = _test_set(project, numbers[number])
            if test_set and test_set not in seen:
                seen.add(test_set)
                yield number, test_set


def _test_set(project: Project, version: "ModelVersion") -> frozenset[str]:
    """The images of a version's test set; empty: the store has its table no more."""
    try:
        splits = images_of(project, version)
    except DataError:
        return frozenset()
    return frozenset(splits.loc[splits["split"] == "test", "sha256"])


def _mean(scores: Any, chosen: Any) -> float | None:  # noqa: ANN401  # a row of numbers, and of truth values
    wanted = [score for score, is_chosen in zip(scores, chosen, strict=True) if is_chosen]
    return mean(wanted) if wanted else None
