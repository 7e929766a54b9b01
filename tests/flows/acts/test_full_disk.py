"""FAULTS 67: a store whose disk is full delays an act, and what it then does is whole."""

import subprocess

import pytest

from components.errors import UnreachableError
from flows import acts
from flows.store import ledger, packing


@pytest.mark.parametrize("act", ["publish", "register"])
def test_act_ends_with_a_sentence_and_is_done_later(project, small_disk, act):
    """The artifacts' disk is a real one of a megabyte, in memory, and somebody filled it."""
    if act == "register":
        acts.perform(project, "publish")
    held = project.mlflow / "artifacts"
    kept = project.root / "kept"
    if held.exists():
        held.rename(kept)
    disk = small_disk(held)
    filler = disk / "filler"
    with pytest.raises(OSError, match="No space left"):
        filler.write_bytes(bytes(2**21))
    with pytest.raises(UnreachableError, match="room"):
        acts.perform(project, act)
    subprocess.run(["mount", "-o", "remount,size=99m", str(disk)], check=True)
    for name in ("publish", "register"):
        acts.perform(project, name)
    assert int(ledger.last(project, "registered")["version"]) == 1
    packing.check(next(held.rglob("MLmodel")).parent)
