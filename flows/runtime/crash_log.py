"""What a person is told of an error that nobody foresaw."""

import traceback

from components.frame import files
from components.frame.errors import ThawlineError, UnreachableError, disk_fault
from flows.project import Project


def unforeseen(project: Project, name: str, error: BaseException) -> ThawlineError:
    """The fault for a person: of the disk, or an internal error whose traceback went to a log."""
    return disk_fault(error) or ThawlineError(_internal(project, name, error))


def _internal(project: Project, name: str, error: BaseException) -> str:
    log = project.private / "logs" / f"{name}.log"
    try:
        files.write_text(log, "".join(traceback.format_exception(error)))
    except UnreachableError as closed:
        return f"internal error ({type(error).__name__}: {error}), and no log of it: {closed}"
    return f"internal error; the traceback lies in {project.relative(log)}."
