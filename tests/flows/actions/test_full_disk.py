"""FAULTS 67: a store whose disk is full delays an action, and what it then does is whole."""

import subprocess

import pytest

from components.frame.errors import UnreachableError
from flows.actions import action
from flows.records import ledger
from flows.registry import packing


@pytest.mark.parametrize("name", ["publish", "register"])
def test_action_ends_with_a_sentence_and_is_done_later(project, small_disk, name):
    """The artifacts' disk is a real one of a megabyte, in memory, and somebody filled it."""
    if name == "register":
        action.perform(project, "publish")
    held = project.mlflow / "artifacts"
    kept = project.root / "kept"
    if held.exists():
        held.rename(kept)
    disk = small_disk(held)
    filler = disk / "filler"
    with pytest.raises(OSError, match="No space left"):
        filler.write_bytes(bytes(2**21))
    with pytest.raises(UnreachableError, match="room"):
        action.perform(project, name)
    subprocess.run(["mount", "-o", "remount,size=99m", str(disk)], check=True)
    for one in ("publish", "register"):
        action.perform(project, one)
    assert int(ledger.last(project, "registered")["version"]) == 1
    packing.check(next(held.rglob("MLmodel")).parent)
