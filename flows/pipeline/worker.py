"""A worker: a part in the search that others run too, on this machine or on others."""

import subprocess
import sys
from tempfile import TemporaryDirectory

from components.frame.errors import UsageError
from components.study.shared_record import VARIABLE, address
from flows.project import Project


def work(project: Project) -> int:
    """Run trials of the search until it ends; its exit code. What a search writes is thrown away.

    Raises:
        UsageError: no database is named that the workers share.
    """
    if not address():
        raise UsageError(
            f"{VARIABLE} must name the database that the workers of a search share "
            "(postgresql://USER:PASSWORD@HOST/NAME), but is not set. Set it for each of them, and "
            "for the run itself."
        )
    project.private.mkdir(exist_ok=True)
    with TemporaryDirectory(prefix="worker-", dir=project.private) as folder:
        stage = [sys.executable, "-m", "components.frame.stage", "search", folder]
        return subprocess.call(stage, cwd=project.root)
