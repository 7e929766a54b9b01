"""Pack the trained model as an MLflow pyfunc: weights, description, code as source, its lineage.

`log_model` would load the model again to try the example (half a minute); the folder is built here
without that, and tests load it where thawline is not installed.
"""

import ast
import shutil
import warnings
from collections.abc import Iterator
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
WAYS = {
    "loader_module": "mlflow.pyfunc.loaders.code_model",
    "model_code_path": CODE.name,
    "code": "code",
    "weights": "artifacts/weights.safetensors",
    "network": "artifacts/network.json",
}
"""The one way in which a model of ours is loaded: from its code and the files that its fingerprint
covers, nothing is unpickled."""
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
    flavors = _mapping(_described(folder).get("flavors"))
    function = _mapping(flavors.get("python_function"))
    ways = {name: function.get(name) for name in ("loader_module", "model_code_path", "code")}
    artifacts = _mapping(function.get("artifacts"))
    ways |= {name: _mapping(entry).get("path") for name, entry in artifacts.items()}
    if set(flavors) != {"python_function"} or ways != WAYS:
        raise DataError(
            f"A model must be loaded by {WAYS}, but this one says {ways} for {sorted(flavors)}. "
            "It was not registered by Thawline: it is not loaded."
        )


def _described(folder: Path) -> dict[str, Any]:
    """What a model folder says of itself."""
    try:
        return _mapping(files.read_yaml(folder / "MLmodel"))
    except UsageError as error:
        raise DataError(f"A model must say how it is loaded, but: {error}") from None


def _mapping(content: Any) -> dict[str, Any]:  # noqa: ANN401  # whatever YAML can hold
    """A part of a foreign file; what is no mapping names nothing."""
    return content if isinstance(content, dict) else {}


def contents(folder: Path) -> dict[str, int]:
    """The files of a model folder and their sizes."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in paths}


def fingerprint(folder: Path) -> str:
    """SHA-256 over what a loaded model runs: its weights, its description and its code."""
    run = [path for path in contents(folder) if path.startswith(("artifacts/", "code/", CODE.name))]
    return identity.digest([[name, files.sha256(folder / name)] for name in run])


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
