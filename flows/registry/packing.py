"""Pack the trained model as an MLflow pyfunc: weights, description, code as source, its lineage.

`log_model` would load the model again to try the example (half a minute); the folder is built here
without that, and tests load it where thawline is not installed.
"""

import ast
import shutil
import warnings
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from components.frame import files
from components.frame.errors import DataError, UsageError
from flows.project import Project
from flows.records import identity
from flows.registry import machine
from flows.tracking.outputs import Outputs, lineage_files

if TYPE_CHECKING:
    from mlflow.models import Model, ModelSignature

    from components.tasks.task import Task

SOURCES = Path(__file__).parents[2]
CODE = Path(__file__).with_name("served_model.py")
PACKAGES = (
    "mlflow",
    "numpy",
    "opencv-python-headless",
    "pandas",
    "pillow",
    "safetensors",
    "timm",
    "torch",
    "torchvision",
)
"""What the served code imports, or what those packages need at the same version."""
WEIGHTS, NETWORK = "artifacts/weights.safetensors", "artifacts/network.json"
FLAVOR = {
    "artifacts": {
        "network": {"path": NETWORK, "uri": NETWORK},
        "weights": {"path": WEIGHTS, "uri": WEIGHTS},
    },
    "code": "code",
    "env": {"conda": "conda.yaml", "virtualenv": "python_env.yaml"},
    "loader_module": "mlflow.pyfunc.loaders.code_model",
    "model_code_path": CODE.name,
    "streamable": False,
}
"""The one way in which a model of ours is loaded: from its own code and files, nothing is
unpickled, and nothing lies elsewhere."""
TOLD = frozenset({"cloudpickle_version", "python_version"})
"""What else its `MLmodel` says of that, which decides nothing."""
WHOLE = "whole:"
"""Begins a fingerprint over every file; Thawline 0.1 left out what a loaded model does not run."""
NOTE = "registered_model_meta"
"""Where MLflow writes which version it fetched."""
LINEAGE = "lineage"
"""Folder in the model that holds what it can be built again from."""
MACHINE = "machine.json"
"""In the same folder: where it was built."""


def pack(project: Project, folder: Path, model: "Model") -> None:
    """Write the model in `build/train` to `folder`; `model` says where MLflow keeps it."""
    outputs = Outputs(project)
    with TemporaryDirectory(dir=project.private) as place, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's own: of its type hints and its use of pandas
        from mlflow import pyfunc

        pyfunc.save_model(
            folder,
            python_model=str(CODE),
            artifacts={
                "weights": outputs.path("train/weights.safetensors").as_uri(),
                "network": outputs.path("train/network.json").as_uri(),
            },
            code_paths=[str(_code(Path(place)))],
            pip_requirements=requirements(),
            signature=signature(outputs.task),
            input_example=_example(project),
            mlflow_model=model,
        )
    _forget_paths(folder, model)
    for name, path in lineage_files(project).items():
        target = folder / LINEAGE / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    files.write_json(folder / LINEAGE / MACHINE, machine.describe())
    for cache in sorted(folder.rglob("__pycache__")):
        shutil.rmtree(cache)


def signature(task: "Task") -> "ModelSignature":
    """What a model of a task takes, and the table that it answers, as MLflow describes them."""
    import torch
    from mlflow.models import ModelSignature, infer_signature
    from mlflow.types import ColSpec, Schema

    served = task.served(task.answers(torch.zeros(1, task.outputs)).numpy())
    outputs = infer_signature(model_output=served).outputs
    return ModelSignature(inputs=Schema([ColSpec("binary", "image")]), outputs=outputs)


def check(folder: Path) -> None:
    """See that a model folder is one of ours before anything in it is run.

    Raises:
        DataError: it would be loaded in another way.
    """
    try:
        flavors = files.read_yaml(folder / "MLmodel")["flavors"]
        function = dict(flavors["python_function"])
    except (UsageError, LookupError, TypeError, ValueError):
        raise DataError(
            "A model must have an `MLmodel` that says how it is loaded, but its own cannot be "
            "read. It is not loaded."
        ) from None
    ways = {name: way for name, way in function.items() if name not in TOLD}
    if set(flavors) != {"python_function"} or ways != FLAVOR:
        odd = sorted(name for name in {*ways, *FLAVOR} if ways.get(name) != FLAVOR.get(name))
        raise DataError(
            "A model must be loaded as Thawline packs it, but this one says otherwise of "
            f"{', '.join(odd) or 'its flavors'}. It is not loaded."
        )


def contents(folder: Path) -> dict[str, int]:
    """The files of a model folder and their sizes, without what MLflow adds in fetching."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / NOTE)
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in paths}


def fingerprint(folder: Path) -> str:
    """SHA-256 over every file of a model folder."""
    return WHOLE + _digest(folder, contents(folder))


def is_what_was(folder: Path, registered: str) -> bool:
    """Whether the files of a model folder are those of a fingerprint."""
    if registered.startswith(WHOLE):
        return fingerprint(folder) == registered
    run = ("artifacts/", "code/", CODE.name)
    return _digest(folder, [p for p in contents(folder) if p.startswith(run)]) == registered


def _digest(folder: Path, names: Iterable[str]) -> str:
    return identity.digest([[name, files.sha256(folder / name)] for name in names])


def requirements() -> list[str]:
    """The packages that the served code needs, as they are installed here."""
    return [f"{name}=={version(name)}" for name in PACKAGES]


def needed_modules(source: Path, root: Path = SOURCES) -> list[Path]:
    """The files of `components` that a source file imports, directly or through each other.

    Of its own imports those within functions count, too; in `components` they are for what a
    served model does not do.
    """
    needed: dict[Path, None] = {}
    waiting = [source]
    while waiting:
        one = waiting.pop()
        for path in _imported(one, root, within=one == source):
            if path not in needed:
                needed[path] = None
                waiting.append(path)
    return sorted(needed)


def _forget_paths(folder: Path, model: "Model") -> None:
    """Say in the model where its files lie in it, not where they lay on this machine."""
    function = model.flavors["python_function"]
    function["model_code_path"] = CODE.name
    for artifact in function["artifacts"].values():
        artifact["uri"] = artifact["path"]
    model.save(str(folder / "MLmodel"))


def _imported(source: Path, root: Path, *, within: bool) -> Iterator[Path]:
    """The files of `components` that one source file names, with the packages around them."""
    tree = ast.parse(source.read_text(encoding="utf-8"))
    for node in ast.walk(tree) if within else tree.body:
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            parts = name.split(".")
            if parts[0] == "components":
                yield from _files_of(parts, root)


def _files_of(parts: list[str], root: Path) -> Iterator[Path]:
    """The file of a module, if the name is one, and those of the packages it lies in."""
    for length in range(1, len(parts) + 1):
        place = root.joinpath(*parts[:length])
        if (place / "__init__.py").is_file():
            yield place / "__init__.py"
        elif place.with_suffix(".py").is_file():
            yield place.with_suffix(".py")


def _code(place: Path) -> Path:
    """A copy of the part of `components` that the served code needs."""
    for path in needed_modules(CODE):
        target = place / path.relative_to(SOURCES)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    return place / "components"


def _example(project: Project) -> Any:  # noqa: ANN401  # a data frame
    """One small image of the data, as the model takes it."""
    import pandas as pd

    table = pd.read_parquet(project.build / "split" / "splits.parquet").sort_values("path")
    paths = [identity.built(project, f"data/raw/{name}") for name in table["path"]]
    smallest = min(paths, key=lambda path: path.stat().st_size)
    return pd.DataFrame({"image": [smallest.read_bytes()]})
