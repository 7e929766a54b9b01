"""Entries on disk within a byte budget, whole or not at all."""

import os
import random
import shutil
import signal
import subprocess
import sys

import pytest

from components.features import store as module
from components.features.store import ABOUT_BYTES, Entry, EntryStore

CODE = """
import os, signal, sys
from pathlib import Path
from components.features.store import Entry, EntryStore
store = EntryStore(Path(sys.argv[1]), 10**6)
with store.lock(), store.adding(Entry(key="dead", size=1000, saves=1, about={})) as file:
    file.write(bytes(500))
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def on_disk(folder):
    return sum(path.stat().st_size for path in folder.iterdir())


def add(store, key, size, saves, in_use=()):
    with store.lock():
        if not store.make_room(size, in_use):
            return False
        with store.adding(Entry(key=key, size=size, saves=saves, about={"of": key})) as file:
            file.write(bytes(size))
            file.flush()
            assert on_disk(store.folder) <= store.budget
        return True


def keys(store):
    with store.lock():
        return {entry.key for entry in store.entries()}


def test_an_entry_comes_back_as_it_was_written(tmp_path):
    """With its description and its values."""
    store = EntryStore(tmp_path / "cache", 10**6)
    with store.lock(), store.adding(Entry(key="a", size=3, saves=30, about={"rows": 1})) as file:
        file.write(b"abc")
    with store.lock():
        entry = store.use("a")
        assert entry is not None
        assert (entry.size, entry.saves, entry.about) == (3, 30, {"rows": 1})
        assert store.path("a").read_bytes() == b"abc"
        assert store.use("b") is None


@pytest.mark.parametrize("seed", range(5))
def test_the_budget_is_never_exceeded(tmp_path, seed):
    """Whatever comes and is used, in any order, also while it is being written."""
    draw = random.Random(seed)  # noqa: S311
    store = EntryStore(tmp_path, 20 * ABOUT_BYTES)
    for number in range(60):
        size = draw.choice([10, 1000, 10000, 40000, 90000])
        in_use = {str(draw.randrange(60)) for _ in range(3)}
        add(store, str(number), size, draw.randrange(10**6), in_use)
        assert on_disk(tmp_path) <= store.budget
        with store.lock():
            store.use(str(draw.randrange(60)))
    assert len(keys(store)) > 1


def test_the_disk_is_never_filled_up(tmp_path, monkeypatch):
    """Within the budget, there is room only for what leaves the disk its reserve."""
    store = EntryStore(tmp_path, 10**12)
    spare = 10**9
    monkeypatch.setattr(module, "RESERVE", shutil.disk_usage(tmp_path).free - spare)
    with store.lock():
        assert store.make_room(spare // 2, ())
        assert not store.make_room(2 * spare, ())


def test_what_saves_least_per_byte_goes_first(tmp_path):
    """A large entry that saves as much as a small one makes room."""
    store = EntryStore(tmp_path, 10 * ABOUT_BYTES)
    assert add(store, "large", 4 * ABOUT_BYTES, 1000)
    assert add(store, "small", 100, 1000)
    assert add(store, "new", 4 * ABOUT_BYTES, 10)
    assert keys(store) == {"small", "new"}


def test_what_nobody_uses_any_more_goes_in_the_end(tmp_path):
    """However much it once saved: new entries start above what had to go."""
    store = EntryStore(tmp_path, 10 * ABOUT_BYTES)
    assert add(store, "valuable", 3 * ABOUT_BYTES, 3 * ABOUT_BYTES * 4)
    for number in range(20):
        assert add(store, str(number), 3 * ABOUT_BYTES, 3 * ABOUT_BYTES)
    assert "valuable" not in keys(store)


def test_what_is_used_stays(tmp_path):
    """Each use makes an entry as young as a new one."""
    store = EntryStore(tmp_path, 10 * ABOUT_BYTES)
    assert add(store, "valuable", 3 * ABOUT_BYTES, 3 * ABOUT_BYTES * 4)
    for number in range(20):
        assert add(store, str(number), 3 * ABOUT_BYTES, 3 * ABOUT_BYTES)
        with store.lock():
            store.use("valuable")
    assert "valuable" in keys(store)


def test_what_is_in_use_never_goes(tmp_path):
    """Not even for something more useful; nothing else is given up in vain."""
    store = EntryStore(tmp_path, 10 * ABOUT_BYTES)
    assert add(store, "held", 5 * ABOUT_BYTES, 1)
    assert add(store, "free", 100, 1)
    assert not add(store, "new", 5 * ABOUT_BYTES, 10**9, in_use={"held"})
    assert keys(store) == {"held", "free"}


def test_something_more_useful_goes_before_what_is_in_use(tmp_path):
    """What a trial reads at the moment stays, whatever little it saves."""
    store = EntryStore(tmp_path, 10 * ABOUT_BYTES)
    assert add(store, "held", 100, 1)
    assert add(store, "free", 5 * ABOUT_BYTES, 10**9)
    assert add(store, "new", 5 * ABOUT_BYTES, 1, in_use={"held"})
    assert keys(store) == {"held", "new"}


def test_a_killed_writer_leaves_nothing_that_is_read(tmp_path):
    """A process that dies by SIGKILL halfway: no entry, and its bytes are freed."""
    died = subprocess.run(
        [sys.executable, "-c", CODE, str(tmp_path)], env={**os.environ}, check=False
    )
    assert died.returncode == -signal.SIGKILL
    assert on_disk(tmp_path) == 500
    store = EntryStore(tmp_path, 10**6)
    assert keys(store) == set()
    assert on_disk(tmp_path) == 0


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: (folder / "a.bin").write_bytes(b"ab"),
        lambda folder: (folder / "a.bin").unlink(),
        lambda folder: (folder / "a.json").write_text("{"),
        lambda folder: (folder / "a.json").write_text('{"key": "a", "format": 0}'),
        lambda folder: (folder / "a.json").unlink(),
    ],
)
def test_what_is_not_whole_is_not_an_entry(tmp_path, spoil):
    """Values of the wrong size, no values, no description that this code understands."""
    store = EntryStore(tmp_path, 10**6)
    add(store, "a", 3, 1)
    spoil(tmp_path)
    with store.lock():
        assert store.use("a") is None
        assert store.entries() == []
    assert on_disk(tmp_path) == 0


def test_files_of_others_are_left_alone(tmp_path):
    """Someone's notes in the folder are no remains of ours."""
    (tmp_path / "notes.txt").write_text("keep")
    store = EntryStore(tmp_path, 10**6)
    add(store, "a", 3, 1)
    with store.lock():
        assert store.clear() == 3 + ABOUT_BYTES
    assert keys(store) == set()
    assert (tmp_path / "notes.txt").read_text() == "keep"
