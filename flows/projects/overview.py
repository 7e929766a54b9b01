"""The command `thawline status --all`: a line for each project of this machine."""

from collections.abc import Sequence
from datetime import UTC, datetime

from flows.project import Project
from flows.projects import known
from flows.records import ledger
from flows.scheduling import cron, schedule

HEADINGS = ("project", "champion", "last verdict", "next run")
NONE = "This machine has no projects yet: thawline init FOLDER"


def screen() -> str:
    """Champion, last verdict and next run of each."""
    rows = [_row(project) for project in known.projects()]
    return _table([HEADINGS, *rows]) if rows else NONE


def _row(project: Project) -> tuple[str, ...]:
    return (str(project.root), _champion(project), _verdict(project), _next_run(project))


def _champion(project: Project) -> str:
    promoted = ledger.last(project, "promoted")
    return "none yet" if promoted is None else f"{promoted['name']} version {promoted['version']}"


def _verdict(project: Project) -> str:
    verdict = ledger.last(project, "verdict")
    if verdict is None:
        return "none yet"
    day = datetime.fromtimestamp(verdict["at"], UTC).astimezone()
    return f"{day:%Y-%m-%d} {'promote' if verdict['promote'] else 'keep'}"


def _next_run(project: Project) -> str:
    options = schedule.kept(project)
    if options is None:
        return "no schedule is kept"
    _, dates = cron.checked(options.cron, options.timezone)
    return cron.written(dates[0])


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return "\n".join(lines)
