"""Whether a version's package, as it lies in the store, answers as `evaluate` did.

It is loaded as `thawline predict` loads it, once per version: the ledger keeps that it answered.
"""

from typing import TYPE_CHECKING, Any

from components.frame.errors import DataError
from components.frame.params import load_params
from flows.project import Project
from flows.records import identity, ledger
from flows.registry import versions
from flows.serving import fetched, worker
from flows.tracking import stores
from flows.tracking.outputs import Outputs

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.entities.model_registry import ModelVersion

IMAGES = 8
"""Test images that it is asked for, spread over all of them by path."""
TOLERANCE = 1e-5
"""By which a number may differ, as a fraction of it where it is above 1: sums of float32 in batches
of another size, or by another number of threads, were seen to differ by 1.2e-6."""
ROUGH = 1e-2
"""The same where `evaluate` computed on a GPU, which rounds to 10 bits; a package never does."""
LONGEST = 1000
"""Characters of a reason."""
PATIENCE = 600.0
"""Seconds within which it must have answered."""


def fault(project: Project, version: "ModelVersion") -> str | None:
    """Why a version of the model in `build/train` is refused; None: it answers as it should.

    Raises:
        UnreachableError: the store is away, or the process was ended from without.
    """
    fact = {
        "name": version.name,
        "version": int(version.version),
        "model": versions.digest_of(version),
        "files": versions.fingerprint(project, version),
        "store": stores.store_identity(project),
    }
    if ledger.read(project, "answered", **fact):
        return None
    kept = _sample(project)
    try:
        found = _difference(project, kept, _served(project, version, kept))
    except (DataError, worker.ModelFailedError) as error:
        return " ".join(str(error).split())[:LONGEST]
    if found is None:
        ledger.record(project, "answered", **fact, images=len(kept))
    return found


def refusal(project: Project, name: str, model: str) -> str | None:
    """Why a model's package was refused, by its digest; None: it was not, or answered since."""
    about: dict[str, Any] = {"name": name, "challenger": model, "refused": True}
    last = ledger.last(project, "verdict", **about)
    if last is None or ledger.read(project, "answered", after=last, name=name, model=model):
        return None
    return str(last["reason"])


def _sample(project: Project) -> "pd.DataFrame":
    """What `evaluate` kept of the images that are asked for."""
    import numpy as np
    import pandas as pd

    path = identity.built(project, "build/evaluate/predictions.parquet")
    every = pd.read_parquet(path).sort_values("path", ignore_index=True)
    rows = np.linspace(0, len(every), min(IMAGES, len(every)), endpoint=False).astype(int)
    return every.iloc[rows].reset_index(drop=True)


def _served(project: Project, version: "ModelVersion", kept: "pd.DataFrame") -> "pd.DataFrame":
    """What the package answers for the same images."""
    import pandas as pd

    paths = [identity.built(project, f"data/raw/{name}") for name in kept["path"]]
    with (
        fetched.model(project, version) as folder,
        worker.running(folder, patience=PATIENCE) as model,
    ):
        answers = list(model.answers(paths))
        columns = model.columns
    if len(answers) != len(paths):
        raise DataError(f"It answers for {len(answers)} of {len(paths)} images.")
    for path, answer in zip(paths, answers, strict=True):
        if "error" in answer:
            raise DataError(f"It cannot read {project.relative(path)}: {answer['error']}")
    return pd.DataFrame(answers, columns=columns)


def _difference(project: Project, kept: "pd.DataFrame", served: "pd.DataFrame") -> str | None:
    """The first answer that is another than `evaluate` kept, in a sentence."""
    from pandas.api.types import is_numeric_dtype

    task = Outputs(project).task
    wanted = task.served(task.recalled(kept))
    if list(wanted.columns) != list(served.columns):
        return f"It answers {', '.join(served.columns)} instead of {', '.join(wanted.columns)}."
    tolerance = _tolerance(project)
    for column in wanted.columns:
        number = is_numeric_dtype(wanted[column])
        if not number and tolerance == ROUGH:
            continue  # of two numbers that are nearly equal, rounding makes either the larger
        for path, right, said in zip(kept["path"], wanted[column], served[column], strict=True):
            if not (_near(right, said, tolerance) if number else right == said):
                return f"It answers {column} {said} for {path}, where `evaluate` had {right}."
    return None


def _near(right: float, said: Any, tolerance: float) -> bool:  # noqa: ANN401  # whatever a package answers
    return isinstance(said, int | float) and abs(said - right) <= tolerance * max(1.0, abs(right))


def _tolerance(project: Project) -> float:
    """By which the answers of a package, which computes on the CPU, may differ."""
    from components.evaluate import EvaluateParams
    from components.model.device import choose_device

    params = load_params(EvaluateParams, project.params / "evaluate.yaml")
    return TOLERANCE if choose_device(params.device).type == "cpu" else ROUGH
