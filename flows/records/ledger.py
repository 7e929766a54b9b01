"""The ledger: what was registered, judged and promoted, in the order of time, never rewritten.

One JSON object a line, in `mlflow/ledger.jsonl`: `at`, seconds since 1970, `kind`, and the fields
of that kind. A line that a killed writer left half-way is no line: the next one written takes its
place.
"""

import json
import os
import time
from typing import Any

from components.frame import events
from components.frame.errors import DataError, UnreachableError
from flows.project import Project

KINDS = {
    "registered": {
        "name": "of the registered model",
        "version": "its number",
        "model": "its digest",
        "files": "the fingerprint of its files",
        "run": "the key of the pipeline run that made it",
        "store": "which store holds it",
    },
    "answered": {
        "name": "of the registered model",
        "version": "its number",
        "model": "its digest",
        "files": "the fingerprint of its files",
        "store": "which store holds it",
        "images": "test images for which the package in the store answered as `evaluate` did",
    },
    "verdict": {
        "name": "of the registered model",
        "challenger": "its digest",
        "champion": "its digest; null: there was none, and what compares the two is null, too",
        "test_set": "the digest of the images that both were judged on",
        "alpha": "largest accepted chance of promoting a model that is no better",
        "left_out": "how many test images the champion had been trained on or chosen by",
        "earlier": "both on earlier test sets, the newest first: `version`, `images` that are left "
        "`of` so many, `challenger_score`, `champion_score`; null: not trained on from a champion",
        "promote": "whether the challenger may take the champion's place",
        "reason": "why, in a sentence",
        "advice": "what a person may do about it; null: nothing is to be done",
        "images": "how many both were judged on",
        "p_value": "chance of such a difference, were the challenger no better",
        "gained": "images for which the challenger has the higher score",
        "lost": "images for which the champion has it",
        "challenger_score": "the mean over the images",
        "champion_score": "the mean over the images",
        "refused": "true: its package does not answer as `evaluate` did, and nothing was compared",
    },
    "promoted": {
        "name": "of the registered model",
        "version": "the number of the champion from now on",
        "model": "its digest",
        "previous": "the digest of the champion before; null: there was none",
        "why": "what allowed it",
        "said": "the reason that a person gave; null: none",
        "store": "which store holds it",
    },
    "nothing": {"reason": "why a run found nothing to do"},
}
"""The fields of each kind of entry, and what they hold."""
EARLIER = {
    "pictures": "images",
    "challenger_accuracy": "challenger_score",
    "champion_accuracy": "champion_score",
}
"""Fields of entries that Thawline 0.1 wrote, and what they are now."""

Entry = dict[str, Any]


def read(
    project: Project,
    kind: str,
    *,
    after: Entry | None = None,
    **fields: Any,  # noqa: ANN401  # any JSON
) -> list[Entry]:
    """The entries of a kind in which these fields have these values, the oldest first.

    With `after`, another entry, those alone that were written later.

    Raises:
        DataError: the ledger is damaged.
    """
    entries = [_today(entry) for entry in _lines(project)]
    first = 0 if after is None else entries.index(after) + 1
    return [e for e in entries[first:] if e["kind"] == kind and _holds(e, fields)]


def record(project: Project, kind: str, **fields: Any) -> bool:  # noqa: ANN401  # any JSON
    """Append an entry, unless the ledger holds the same fact already; True if it was appended.

    Raises:
        UnreachableError: the disk does not take it.
    """
    if read(project, kind, **fields):
        return False
    append(project, kind, **fields)
    return True


def last(
    project: Project,
    kind: str,
    *,
    after: Entry | None = None,
    **fields: Any,  # noqa: ANN401  # any JSON
) -> Entry | None:
    """The newest entry that `read` finds."""
    entries = read(project, kind, after=after, **fields)
    return entries[-1] if entries else None


def append(project: Project, kind: str, **fields: Any) -> None:  # noqa: ANN401  # any JSON
    """Append an entry, all fields of its kind given; when this returns it is on the disk.

    Raises:
        ValueError: a field is missing, or is none of this kind's.
        UnreachableError: the disk does not take it.
    """
    if odd := sorted(set(fields) ^ set(KINDS[kind])):
        raise ValueError(f"`fields == {list(KINDS[kind])}` must hold, but differs in {odd}")
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


def _lines(project: Project) -> list[Entry]:
    try:
        return events.read(project.ledger)
    except ValueError as error:
        raise DataError(
            f"The ledger must hold one JSON object a line, but {project.ledger} does not "
            f"({error}). Bring back its lines: it is never rewritten."
        ) from None


def _today(entry: Entry) -> Entry:
    """An entry with the fields that its kind has today; what it lacks is None."""
    named = {EARLIER.get(name, name): value for name, value in entry.items()}
    return dict.fromkeys(KINDS.get(entry["kind"], {})) | named


def _holds(entry: Entry, fields: Entry) -> bool:
    return all(name in entry and entry[name] == value for name, value in fields.items())
