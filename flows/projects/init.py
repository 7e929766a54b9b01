"""The command `thawline init`: a project beside the clone, whole or not at all."""

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from components.frame import files
from components.frame.errors import UnreachableError, UsageError
from flows.pipeline import overrides
from flows.project import Project
from flows.projects import known, links, template

PIPELINE = "dvc.yaml"
NEXT = """\
{folder} is a project: parameters in params/, stages in dvc.yaml, models in mlflow/.

Next:
    cd {folder}
    thawline run
"""
RENEWED = "{folder} is a project already: {what}. Parameters, models and images stay as they are."


def init(folder: Path, values: Sequence[str], name: str | None = None) -> str:
    """Make a project in `folder`, with `values` set as by `--set`; what to do next.

    The model and its experiment bear `name`, by default the folder's. A project that is there
    already gets what the installed Thawline has anew, and keeps everything else.

    Raises:
        UsageError: something else lies there, or a value is wrong; nothing is written then.
        UnreachableError: the disk does not take it.
    """
    folder = folder.expanduser().absolute()
    if (folder / PIPELINE).is_file():
        return _renewed(Project(folder), values)
    _require_free(folder)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=_parent(folder)) as beside:
        made = Path(beside) / folder.name
        template.copy(made)
        _ignore_links(made)
        overrides.apply(Project(made), [*_names(name or folder.name), *values], Path.cwd())
        _put_under_git(made)
        made.replace(folder)
    project = Project(folder)
    links.make(project)
    known.remember(project)
    return NEXT.format(folder=folder)


def _renewed(project: Project, values: Sequence[str]) -> str:
    """Bring the pipeline of a project to that of the installed packages."""
    if not (project.root / links.PACKAGES[0]).is_symlink():
        raise UsageError(
            f"{project.root} is a clone of the repository, a project as it stands. "
            "Run it there, or make another folder a project: thawline init FOLDER"
        )
    overrides.apply(project, values, Path.cwd())
    links.make(project)
    known.remember(project)
    wanted = (template.root() / PIPELINE).read_bytes()
    if project.pipeline.read_bytes() == wanted:
        return RENEWED.format(folder=project.root, what="nothing in it is out of date")
    apart = _free(project.pipeline)
    project.pipeline.replace(apart)
    files.write_bytes(project.pipeline, wanted)
    return RENEWED.format(
        folder=project.root, what=f"{PIPELINE} is renewed, the one before lies in {apart.name}"
    )


def _require_free(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        return
    if folder.exists() or folder.is_symlink():
        raise UsageError(
            f"A project is made in a folder that is empty or not there yet, but {folder} is "
            "neither. Name another; images that lie here are named by --source."
        )


def _parent(folder: Path) -> Path:
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnreachableError(f"{folder.parent} could not be made ({error.strerror}).") from None
    return folder.parent


def _names(name: str) -> list[str]:
    """The model and its experiment are called as the project is."""
    allowed = "".join("-" if one in "/:'`\n" else one for one in name)
    return [f"register.name={allowed}", f"publish.experiment={allowed}"]


def _ignore_links(folder: Path) -> None:
    with (folder / ".gitignore").open("a", encoding="utf-8") as file:
        file.write(links.IGNORED)


def _put_under_git(folder: Path) -> None:
    """Give a project a repository of its own, where git is at hand: runs note the commit."""
    if shutil.which("git"):
        subprocess.run(["git", "init", "--quiet", str(folder)], check=True)


def _free(path: Path) -> Path:
    """A name beside `path` that nothing bears."""
    number = 1
    while (apart := path.with_name(f"{path.name}.aside-{number}")).exists():
        number += 1
    return apart
