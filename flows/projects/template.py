"""What a new project is made of: the repository's own files, or their copies in the package."""

import shutil
from pathlib import Path

from flows.parameters import shipped
from flows.project import Project

FILES = (
    "dvc.yaml",
    "params",
    ".dvc/config",
    ".dvc/.gitignore",
    ".dvcignore",
    ".gitignore",
    "mlflow/.gitignore",
    "mlflow/README.md",
    "prefect.yaml",
)
"""Copied byte for byte, but for parameters, which are those that are shipped, whatever a person
set here; what they set there comes after that."""
INSTALLED = Path(__file__).resolve().parents[2]
"""Where the packages `flows` and `components` lie: a clone, or an environment."""
PACKED = INSTALLED / "thawline_template"
"""Beside them in an environment, where there is no clone around them."""


def root() -> Path:
    """The folder that `FILES` lie in."""
    return PACKED if PACKED.is_dir() else INSTALLED


def copy(folder: Path) -> None:
    """Make `folder` and put the files of a project into it."""
    for name in FILES:
        source, target = root() / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copy(source, target)
    shipped.write(Project(folder))
