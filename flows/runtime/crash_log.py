"""What a person is told of an internal error: where its traceback lies."""

import traceback

from components.frame import files
from flows.project import Project


def internal_error(project: Project, name: str, error: BaseException) -> str:
    """Write the traceback of `error` to a log; the sentence that names it."""
    log = project.private / "logs" / f"{name}.log"
    files.write_text(log, "".join(traceback.format_exception(error)))
    return f"internal error; the traceback lies in {project.relative(log)}."
