"""The kept activations, as a table for a person."""

import json
from pathlib import Path

from components.features.store import FOLDER, VALIDATION, Entry, EntryStore, footprint
from components.frame.tables import aligned


def activations(cache: Path) -> str:
    """The kept activations in the stages' shared cache, the most useful first, and their sum."""
    store = EntryStore(cache / FOLDER, 0)
    with store.lock():
        entries = store.entries()
    if not entries:
        return "Nothing is kept: the next search fills the cache as far as search.cache_gib allows."
    rows = [
        ["freeze_depth", "layer", "of", "images", "split", "size", "kept as"],
        *map(_line, entries),
    ]
    total = sum(footprint(entry) for entry in entries)
    return "\n".join([*aligned(rows), "", f"{len(entries)} kept, {_bytes(total)} in all"])


def cleared(cache: Path) -> str:
    """Remove them, and say how much that frees."""
    store = EntryStore(cache / FOLDER, 0)
    with store.lock():
        return f"{_bytes(store.clear())} freed"


def _line(entry: Entry) -> list[str]:
    """One entry for a person."""
    about = entry.about
    split = "validation" if about["view"] == VALIDATION else "training, one view"
    return [
        str(about["freeze_depth"]),
        about["layer"],
        json.loads(about["architecture"])[0],
        f"{about['rows']:,} at {about['size']} px",
        split,
        _bytes(entry.size),
        about["precision"],
    ]


def _bytes(count: int) -> str:
    return f"{count / 2**20:,.1f} MiB"
