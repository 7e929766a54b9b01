"""Counts the writes of a process by Python's audit events, and kills it at one of them.

Nothing in the product knows of it: a hook of the interpreter sees every file that is opened for
writing, renamed, linked or removed, and every statement that changes an SQLite database. What
libraries write themselves (tensors, tables, images) lies between such events: there the kernel
kills the process, by a limit on the size of files, when a part of the file is written.
"""

import json
import os
import resource
import signal
import sqlite3
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

WRITING = os.O_WRONLY | os.O_RDWR
PLACES = {
    "open": (0, None),
    "os.rename": (1, 3),
    "os.remove": (0, 1),
    "os.rmdir": (0, 1),
    "os.mkdir": (0, 2),
    "os.link": (1, 3),
    "os.symlink": (1, 2),
    "os.truncate": (0, None),
}
"""Events that change the disk: which argument is the path, and which the folder it starts from."""
READING = ("SELECT", "PRAGMA", "BEGIN", "--", "ROLLBACK", "EXPLAIN")
"""Statements that change no database begin so."""


class Point(NamedTuple):
    """Where to kill: at a write, counted from 0, and when."""

    number: int
    moment: str
    """`before` it, `during` it, or `after` it: at whatever the thread does next."""
    size: int = 0
    """For `during`: how many bytes the file may have."""


def die() -> None:
    """End this process at once."""
    os.kill(os.getpid(), signal.SIGKILL)


class Watch:
    """An audit hook that writes down every write below `root`, and kills at one."""

    def __init__(
        self,
        root: Path,
        *,
        unseen: tuple[str, ...] = (),
        note: Callable[[dict[str, Any]], None] = lambda _note: None,
        point: Point | None = None,
        fire: Callable[[], None] = lambda: None,
    ) -> None:
        """`unseen` names what is left out; `fire` is called before this process dies."""
        self.root, self.note, self.point, self.fire = str(root.resolve()), note, point, fire
        self.unseen = tuple(f"{self.root}/{name}" for name in unseen)
        self.count = 0
        self.then: int | None = None
        """The thread that dies at its next event."""
        self.mine = threading.local()

    def kill(self) -> None:
        """Die."""
        self.fire()
        die()

    def start(self) -> None:
        """See and count from now on, as long as the process lives."""
        if self.point is not None and self.point.moment == "during":
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # Python ignores it
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        for module in (sqlite3, sqlite3.dbapi2):
            module.connect = self._connecting(module.connect)
        sys.addaudithook(self.see)

    def see(self, event: str, arguments: tuple[Any, ...]) -> None:
        """What the interpreter calls."""
        if getattr(self.mine, "busy", False):
            return
        self.mine.busy = True
        try:
            if self.then == threading.get_ident():
                self.kill()
            if event in PLACES:
                self._see_file(event, arguments)
        finally:
            self.mine.busy = False

    def _see_file(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and not (arguments[2] or 0) & WRITING:
            return
        index, folder = PLACES[event]
        path = _path(arguments[index], None if folder is None else arguments[folder])
        if path is not None and self._watched(path):
            fresh = event == "open" and (arguments[2] or 0) & os.O_TRUNC
            size = 0 if fresh or not os.path.isfile(path) else os.path.getsize(path)  # noqa: PTH113, PTH202  # light
            source = _path(arguments[0], None) if event == "os.rename" else None
            self._write(event, path, size, source)

    def _connecting(self, connect: Callable[..., Any]) -> Callable[..., Any]:
        def connected(database: Any, *arguments: Any, **named: Any) -> Any:
            connection = connect(database, *arguments, **named)
            path = _path(os.fsdecode(database).removeprefix("file:").partition("?")[0], None)
            if path is not None and self._watched(path):
                connection.set_trace_callback(partial(self._see_statement, path))
            return connection

        return connected

    def _see_statement(self, path: str, text: str) -> None:
        if self.then == threading.get_ident():
            self.kill()
        if not text.lstrip().upper().startswith(READING):
            self._write(f"sql {text.split(None, 1)[0].upper()}", path, 0, None)

    def _watched(self, path: str) -> bool:
        inside = path.startswith(self.root + "/")
        return inside and not path.startswith(self.unseen or ("\0",))

    def _write(self, event: str, path: str, size: int, source: str | None) -> None:
        number, self.count = self.count, self.count + 1
        told = {"number": number, "event": event, "path": path, "size": size, "source": source}
        self.note(told)
        if self.point is None or number != self.point.number:
            return
        if self.point.moment == "before":
            self.kill()
        elif self.point.moment == "after":
            self.then = threading.get_ident()
        else:
            limit = self.point.size
            self.fire()
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))


def _path(given: Any, folder: Any) -> str | None:
    """The absolute path; None for an open file without a name."""
    if isinstance(given, int):
        return os.readlink(f"/proc/self/fd/{given}")  # noqa: PTH115  # light
    if not isinstance(given, (str, bytes, os.PathLike)):
        return None
    path = os.fsdecode(given)
    if isinstance(folder, int) and folder >= 0 and not path.startswith("/"):
        path = f"{os.readlink(f'/proc/self/fd/{folder}')}/{path}"  # noqa: PTH115  # light
    return os.path.normpath(os.path.join(os.getcwd(), path))  # noqa: PTH109, PTH118  # light


def into(descriptor: int) -> Callable[[dict[str, Any]], None]:
    """Write what is seen to an open file, a line each."""
    return lambda told: (os.write(descriptor, json.dumps(told).encode() + b"\n"), None)[1]
