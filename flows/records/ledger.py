"""The ledger: what was registered, judged and promoted, in the order of time, never rewritten.

One JSON object a line, in `mlflow/ledger.jsonl`. A line that a killed writer left half-way is no
line: the next one written takes its place.

| kind         | fields                                                                         |
|--------------|--------------------------------------------------------------------------------|
| `registered` | `name`, `version`, `model`, `run`, `store`                                     |
| `verdict`    | `name`, `challenger`, `champion`, `images`, `alpha`, `promote`, `reason`, …    |
| `promoted`   | `name`, `version`, `model`, `previous`, `why`                                  |
| `nothing`    | `reason`: a run found nothing to do                                            |
"""

import json
import os
import time
from typing import Any

from components.frame import events
from components.frame.errors import UnreachableError
from flows.project import Project

Entry = dict[str, Any]


def read(project: Project, kind: str, **fields: Any) -> list[Entry]:  # noqa: ANN401  # any JSON
    """The entries of a kind in which these fields have these values, the oldest first."""
    return [
        entry
        for entry in events.read(project.ledger)
        if entry["kind"] == kind and _holds(entry, fields)
    ]


def record(project: Project, kind: str, **fields: Any) -> bool:  # noqa: ANN401  # any JSON
    """Append an entry, unless the ledger holds the same fact already; True if it was appended.

    Raises:
        UnreachableError: the disk does not take it.
    """
    if read(project, kind, **fields):
        return False
    append(project, kind, **fields)
    return True


def last(project: Project, kind: str, **fields: Any) -> Entry | None:  # noqa: ANN401  # any JSON
    """The newest entry that `read` finds."""
    found = read(project, kind, **fields)
    return found[-1] if found else None


def append(project: Project, kind: str, **fields: Any) -> None:  # noqa: ANN401  # any JSON
    """Append an entry; when this returns it is on the disk.

    Raises:
        UnreachableError: the disk does not take it.
    """
    entry = {"at": round(time.time(), 3), "kind": kind, **fields}
    line = json.dumps(entry, ensure_ascii=False, allow_nan=False)
    try:
        events.Events(project.ledger)  # cuts a torn last line
        with project.ledger.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise UnreachableError(
            f"The ledger must be written, but {project.ledger} takes nothing ({error}). "
            "Make room or fix the disk, then run again."
        ) from error


def recorded_champion(project: Project, name: str) -> Entry | None:
    """The last promotion in the ledger: its champion, whatever the registry says."""
    return last(project, "promoted", name=name)


def _holds(entry: Entry, fields: Entry) -> bool:
    return all(name in entry and entry[name] == value for name, value in fields.items())
