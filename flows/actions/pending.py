"""The first question of a run: is anything stale, new, or pending?

Where every file that `dvc.lock` names has the size, time of modification and inode that it had when
DVC found all stages fresh, DVC would find them fresh again: it trusts the same. Nothing heavy is
imported here.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from components.frame import files
from components.frame.spec import stages as stages_of
from flows import proxies
from flows.actions.action import AFTER_BUILD
from flows.project import Project
from flows.records import identity
from flows.tracking import location, stores

IN_STORE = frozenset({"publish", "register", "judge", "promote"})
"""Actions whose work is lost with the tracking store."""
IN_LEDGER = frozenset({"judge", "promote"})
"""Actions whose work is lost with the ledger."""
SHOWING = frozenset({"publish", "push"})
"""Actions that hand on the figures, too."""
UNSEEN = "__pycache__"
"""A folder that `.dvcignore` leaves out too."""

State = dict[str, Any]


def snapshot(project: Project) -> State:
    """The state of everything that `dvc.lock` names, without reading what is in it.

    To be taken before DVC is asked: what changes in between is then found next time.
    """
    return _state(project, _named(project))


def remember_built(project: Project, state: State) -> None:
    """Note a snapshot after which DVC found all stages fresh."""
    files.write_text(_built_file(project), json.dumps(state))


def is_built(project: Project) -> bool:
    """Whether all is as it was when DVC found all stages fresh."""
    remembered = _read(_built_file(project))
    return bool(remembered) and remembered == _state(project, remembered["files"])


def remember_action(project: Project, action: str) -> None:
    """Note that `action` is done for what is built now."""
    done = _read(_done_file(project)) | {action: _receipts(project)[action]}
    files.write_text(_done_file(project), json.dumps(done, indent=2) + "\n")


@proxies.reaching_out()
def pending(project: Project) -> list[str]:
    """The actions that are not done for what is built now, and all that follow the first of them.

    Figures alone that were drawn anew are shown and sent, and nothing else is done about them. A
    tracking server that does not answer is taken for the one that got everything.
    """
    if not project.lock.exists():
        return list(AFTER_BUILD)
    done, shown = _read(_done_file(project)), list[str]()
    for action, receipt in _receipts(project).items():
        if _covers(done.get(action), receipt):
            continue
        if not _covers(done.get(action), receipt | {"lock": done.get(action, {}).get("lock")}):
            return shown + list(AFTER_BUILD[AFTER_BUILD.index(action) :])
        shown.append(action)
    return shown


def _receipts(project: Project) -> dict[str, State]:
    """What each action's work depends on: where that is the same, it need not be done again."""
    run, lock = identity.lock_key(project.lock), files.sha256(project.lock)
    store = {
        "address": location.public(stores.address(project)),
        "store": stores.store_identity(project),
    }
    receipts: dict[str, State] = {}
    for action in AFTER_BUILD:
        receipts[action] = {"run": run, "params": _digest([project.params / f"{action}.yaml"])}
        if action in SHOWING:
            receipts[action]["lock"] = lock
        if action in IN_STORE:
            receipts[action] |= store
        if action in IN_LEDGER:
            receipts[action]["ledger"] = project.ledger.exists()
        if action == "push":
            configuration = [project.root / ".dvc" / name for name in ("config", "config.local")]
            receipts[action]["remote"] = _digest(configuration)
    return receipts


def _covers(done: State | None, receipt: State) -> bool:
    if done is None:
        return False
    away = receipt.get("store", "") is None and receipt["address"].startswith("http")
    return receipt == (done | {"store": None} if away else done)


def _state(project: Project, names: Iterable[str]) -> State:
    """The lock's content, and size and time of the files below `names`."""
    stamps = {name: _stamp(project.root / name) for name in names}
    return {"lock": _digest([project.lock]), "files": stamps}


def _named(project: Project) -> list[str]:
    """Everything that the stages of today depend on or make, after `dvc.lock`."""
    today = stages_of(project.root)
    locked = files.read_yaml(project.lock)["stages"] if project.lock.exists() else {}
    named = {"dvc.yaml", ".dvcignore"}
    for stage in set(today) & set(locked):
        entry = locked[stage]
        named |= {item["path"] for kind in ("deps", "outs") for item in entry.get(kind, [])}
        named |= set(entry.get("params", {}))
    return sorted(named)


def _stamp(path: Path) -> Any:  # noqa: ANN401  # whatever JSON can hold
    """A file's size, time and inode; over a folder's files their digest; None: it is missing."""
    if not path.is_dir():
        return _stat(path)
    state = hashlib.sha256()
    for name, entry in _walk(str(path)):
        state.update(files.canonical([name, entry.st_size, entry.st_mtime_ns, entry.st_ino]))
    return state.hexdigest()


def _stat(path: Path) -> list[int] | None:
    try:
        state = path.stat()
    except FileNotFoundError:
        return None
    return [state.st_size, state.st_mtime_ns, state.st_ino]


def _walk(folder: str) -> Iterator[tuple[str, os.stat_result]]:
    """Every file below `folder`, in the order of the names."""
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda one: one.name):
            if entry.is_dir() and entry.name != UNSEEN:
                yield from _walk(entry.path)
            elif entry.name != UNSEEN:
                yield entry.path, entry.stat()


def _digest(paths: Iterable[Path]) -> str:
    """SHA-256 over small files; a missing one counts as such."""
    state = hashlib.sha256()
    for path in paths:
        state.update(path.read_bytes() if path.exists() else b"\0missing")
    return state.hexdigest()


def _read(path: Path) -> State:
    """A note of ours; one that is missing or torn says nothing, and all is looked at again."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _built_file(project: Project) -> Path:
    return project.private / "built.json"


def _done_file(project: Project) -> Path:
    return project.private / "done.json"
