"""What makes sense after a run: the commands, as they can be typed where it was started."""

import os
import shlex
import sys
from pathlib import Path

from flows.project import Project
from flows.records import ledger

Step = tuple[str, str]
"""A command, and what it is for."""


def after(project: Project, made: ledger.Entry | None, verdict: ledger.Entry | None) -> list[Step]:
    """Commands for the model in `build/`: by what the gate said of it.

    Args:
        project: whose model it is.
        made: as what it was registered.
        verdict: the last one on it.
    """
    called = command(project)
    look = (f"{called} ui", "every run, trial and version, in MLflow's pages")
    if made is None:
        return [(f"{called} status", "what is pending"), look]
    version = made["version"]
    if verdict is not None and not verdict["promote"]:
        return [
            (f"{called} compare champion {version}", "what it won and lost"),
            (f'{called} promote {version} --anyway --reason "..."', "where you know better"),
            look,
        ]
    return [
        (f"{called} predict PATH", "name your images, with the champion"),
        (f"{called} serve", "the same over HTTP"),
        look,
    ]


def command(project: Project) -> str:
    """How `thawline` is typed in the project's folder: by its path where no one activated it."""
    here = Path(sys.prefix)
    if os.environ.get("VIRTUAL_ENV") == str(here) or not here.is_relative_to(project.root):
        return "thawline"
    return shlex.quote(project.relative(here / "bin" / "thawline"))
