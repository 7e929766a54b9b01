"""What a person is told of a defect of ours: where its traceback lies."""

import traceback

from components.frame import files
from flows.project import Project


def defect(project: Project, name: str, error: BaseException) -> str:
    """Write the traceback of `error` to a log; the sentence that names it."""
    log = project.private / "logs" / f"{name}.log"
    files.write_text(log, "".join(traceback.format_exception(error)))
    return f"a defect of Thawline; the traceback lies in {project.relative(log)}."
