"""FAULTS 67: a full disk is said in one sentence, and loses nothing that was finished.

The disks are real ones of a megabyte each, in memory; mounting them takes the rights for it.
"""

import sqlite3
import subprocess

import pytest
import torch

from components.frame.errors import UnreachableError, disk_fault
from components.training import checkpoint
from components.training.checkpoint import Checkpoint

MEGABYTE = 2**20


def state(size: int, value: float) -> Checkpoint:
    return Checkpoint(
        model={"weight": torch.full((size // 4,), value)},
        best={},
        moments={},
        techniques={},
        meta={"digest": "d"},
    )


def test_checkpoint_before_stays_whole(small_disk, tmp_path):
    """What the disk did not take leaves nothing behind; with room again it is taken."""
    keep = small_disk(tmp_path / "disk") / "epoch.safetensors"
    checkpoint.save(keep, state(MEGABYTE // 2, 1.0))
    with pytest.raises(UnreachableError, match="No space left"):
        checkpoint.save(keep, state(MEGABYTE, 2.0))
    assert [path.name for path in keep.parent.iterdir()] == [keep.name]
    found = checkpoint.load(keep, "d")
    assert torch.equal(found.model["weight"], state(MEGABYTE // 2, 1.0).model["weight"])
    checkpoint.save(keep, state(MEGABYTE // 4, 3.0))
    assert checkpoint.load(keep, "d").model["weight"][0] == 3.0


def test_study_on_a_full_disk_is_understood(small_disk, tmp_path):
    """Optuna hands on SQLite's own words."""
    import optuna

    folder = small_disk(tmp_path / "disk")
    study = optuna.create_study(storage=f"sqlite:///{folder / 'study.db'}")
    with pytest.raises(OSError, match="space"):
        (folder / "filler").write_bytes(bytes(MEGABYTE))
    with pytest.raises(optuna.exceptions.StorageInternalError) as failed:
        study.set_user_attr("long", "x" * MEGABYTE)
    assert isinstance(disk_fault(failed.value), UnreachableError)


@pytest.mark.parametrize("words", ["attempt to write a readonly database", "[Errno 30]"])
def test_a_disk_that_may_not_be_written_is_understood(words):
    """Behind whatever a library makes of it, in one line."""
    error = RuntimeError("first\nsecond")
    error.__cause__ = sqlite3.OperationalError(words) if "data" in words else OSError(30, "closed")
    fault = disk_fault(error)
    assert isinstance(fault, UnreachableError)
    assert words in str(fault)
    assert "\n" not in str(fault)


def test_other_faults_are_not_the_disks():
    """A file that is missing is no full disk."""
    assert disk_fault(FileNotFoundError(2, "No such file")) is None
    assert disk_fault(ValueError("space left")) is None


def test_stage_ends_with_exit_5_and_can_be_run_again(place, small_disk):
    """Without a traceback; with room again it does its work."""
    place.source("digits")
    raw = small_disk(place.root / "data" / "raw")
    failed = place.run("ingest")
    assert failed.code == 5, failed
    assert "No space left" in failed.errors
    assert "Make room" in failed.errors
    assert "Traceback" not in failed.errors
    subprocess.run(["mount", "-o", "remount,size=40m", str(raw)], check=True)
    assert place.run("ingest").code == 0
    assert len(list(raw.rglob("*.png"))) == 1797
