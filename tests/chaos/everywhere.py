"""Watches every process of a run, as the environment variable CHAOS asks.

It holds JSON: `root`, and either `notes`, a folder in which each process writes down its writes, or
`role` and `point`, where to kill, and `fired`, a file that says that it was done. There, every
process with that variable ends at once, as in a cut of the power.
"""

import json
import os
import signal
import sys
from pathlib import Path

from killing import Point, Watch, into

UNSEEN = (".git",)


def role() -> str:
    """What this process is for: the first words of its command."""
    return " ".join(sys.orig_argv[1:4])


def start() -> None:
    """Watch this process."""
    asked = json.loads(os.environ["CHAOS"])
    root = Path(asked["root"])
    if "notes" in asked:
        path = Path(asked["notes"]) / f"{role().replace('/', '|')}#{os.getpid()}"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        Watch(root, unseen=UNSEEN, note=into(descriptor)).start()
    elif role() == asked["role"] and not Path(asked["fired"]).exists():
        point = Point(*asked["point"])

        def fire() -> None:
            Path(asked["fired"]).touch()
            if point.moment != "during":  # there the kernel ends this process alone
                end_others(os.environ["CHAOS"])

        Watch(root, unseen=UNSEEN, point=point, fire=fire).start()


def end_others(chaos: str) -> None:
    """Kill every other process that has this value of the variable."""
    for folder in Path("/proc").glob("[0-9]*"):
        if folder.name == str(os.getpid()):
            continue
        try:
            given = (folder / "environ").read_bytes()
            if b"CHAOS=" + chaos.encode() in given.split(b"\0"):
                os.kill(int(folder.name), signal.SIGKILL)
        except OSError:
            continue
