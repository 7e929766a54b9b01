"""A stage as `dvc.yaml` describes it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NewType

from components.frame import files
from components.frame.errors import UsageError
from components.frame.versions import LOCKED

In = NewType("In", Path)
"""A file or folder that a stage reads: one of its `deps`."""
Out = NewType("Out", Path)
"""A file or folder that a stage makes: one of its `outs`, `metrics` or `plots`."""
Settings = NewType("Settings", dict[str, Any])
"""The parameters in the files that a stage lists in its `params`, by stage, as their models."""


@dataclass(frozen=True, kw_only=True)
class Spec:
    """A stage as `dvc.yaml` describes it; paths are relative to the project."""

    name: str
    deps: tuple[str, ...]
    outs: tuple[str, ...]
    params: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()
    """The libraries that it computes with."""

    def paths(self) -> dict[str, str]:
        """Its files below `data/` and `build/` by their names without ending.

        Raises:
            UsageError: two of them bear one name.
        """
        named: dict[str, str] = {}
        for path in (*self.deps, *self.outs):
            if path.startswith(("data/", "build/")):
                stem = Path(path).stem.replace("-", "_")
                if stem in named:
                    raise UsageError(
                        f"dvc.yaml: the files of a stage need different names, but `{self.name}` "
                        f"has {named[stem]} and {path}. Rename one of them."
                    )
                named[stem] = path
        return named


def stages(root: Path) -> dict[str, Any]:
    """What `dvc.yaml` says of every stage, in its order.

    Raises:
        UsageError: it describes none.
    """
    path = root / "dvc.yaml"
    content = files.read_yaml(path)
    described = content.get("stages") if isinstance(content, dict) else None
    if not (isinstance(described, dict) and all(isinstance(d, dict) for d in described.values())):
        raise UsageError(f"{path} must describe the stages, but does not. Restore it from git.")
    return described


def spec(name: str, root: Path) -> Spec:
    """Read what `dvc.yaml` says of a stage.

    Raises:
        UsageError: there is no such stage.
    """
    described = stages(root)
    if name not in described:
        raise UsageError(f"dvc.yaml must describe the stage {name!r}, but has {list(described)}.")
    entry = described[name]
    outs = [_path_of(item) for kind in ("outs", "metrics", "plots") for item in entry.get(kind, [])]
    params = [_path_of(item) for item in entry.get("params", [])]
    versions = [name for item in entry.get("params", []) for name in _versions_of(item)]
    return Spec(
        name=name,
        deps=tuple(entry.get("deps", [])),
        outs=tuple(outs),
        params=tuple(path for path in params if path != LOCKED),
        versions=tuple(versions),
    )


def _path_of(item: str | dict[str, Any]) -> str:
    return item if isinstance(item, str) else next(iter(item))


def _versions_of(item: str | dict[str, Any]) -> list[str]:
    return [] if isinstance(item, str) else item.get(LOCKED) or []
