"""FAULTS 67: a store whose disk is full delays an act, and what it then does is whole."""

import subprocess

import pytest

from components.frame.errors import UnreachableError
from flows.actions import action
from flows.records import ledger
from flows.registry import packing


@pytest.mark.parametrize("act", ["publish", "register"])
def test_act_ends_with_a_sentence_and_is_done_later(project, small_disk, act):
    """The artifacts' disk is a real one of a megabyte, in memory, and somebody filled it."""
    if act == "register":
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
        action.perform(project, act)
    subprocess.run(["mount", "-o", "remount,size=99m", str(disk)], check=True)
    for name in ("publish", "register"):
        action.perform(project, name)
    assert int(ledger.last(project, "registered")["version"]) == 1
    packing.check(next(held.rglob("MLmodel")).parent)
