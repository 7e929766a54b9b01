"""One stage at a time gives what `dvc repro` gives."""

import json
import os
import shutil

import pytest

from flows.building import graph, reproduce
from flows.building.repository import drop_stale_locks
from flows.building.reproduce import outcome_of


def build(python, stage):
    done = python("-m", "flows.building.reproduce", stage)
    outcomes = [outcome_of(line)[1] for line in done.stdout.split("\n")]
    return done.returncode, next((one for one in outcomes if one), None)


def test_ran_unchanged_and_restored_are_told_apart(toy, python):
    """What DVC did is known: it built, it did nothing, or it took the result from its cache."""
    assert build(python, "base") == (0, "ran")
    assert build(python, "base") == (0, "unchanged")
    shutil.rmtree(toy.build)
    assert build(python, "base") == (0, "restored")
    assert (toy.build / "base" / "weights.txt").read_text() == "source: none\n"


def test_what_a_person_put_in_an_outputs_place_is_moved_aside(toy, python):
    """A file, or a folder that more was put into; an older result of the stage's own is none."""
    assert build(python, "base") == (0, "ran")
    weights = toy.build / "base" / "weights.txt"
    first = weights.read_text()
    weights.write_text("a person's")
    assert build(python, "base") == (0, "restored")
    assert weights.read_text() == first
    assert weights.with_name("weights.txt.aside-1").read_text() == "a person's"
    weights.unlink()
    weights.mkdir()
    (weights / "mine.txt").write_text("a person's too")
    assert build(python, "base") == (0, "restored")
    assert (weights.with_name("weights.txt.aside-2") / "mine.txt").exists()
    toy.lock.unlink()
    assert build(python, "base")[0] == 0
    assert len(list(weights.parent.iterdir())) == 3


def test_what_a_killed_stage_wrote_is_its_own(toy, python):
    """Nothing is left beside it when it is built again."""
    for stage in ("base", "ingest"):
        build(python, stage)
    (toy.root / "order").write_text("kill 9")
    assert build(python, "split") == (137, None)
    (toy.build / "split").mkdir(exist_ok=True)
    (toy.build / "split" / "splits.txt").write_text("half")
    for folder in (toy.build, toy.build / "split"):
        (folder / ".ljmHSWbPLe-iF4JGajqgqw.tmp").write_text("DVC's")
    assert build(python, "split") == (0, "ran")
    assert not [*toy.build.rglob("*aside*"), *toy.build.rglob("*.tmp")]


def test_the_lock_is_that_of_dvc_repro(toy, python):
    """Stage by stage in the order of the edges, or at once: byte for byte the same lock."""
    for node in graph.nodes(toy):
        assert build(python, node.name) == (0, "ran")
    stepwise = toy.lock.read_bytes()
    for place in (toy.lock, toy.build, toy.root / ".dvc" / "cache", toy.private):
        shutil.rmtree(place) if place.is_dir() else place.unlink()
    assert python("-m", "dvc", "repro", "--quiet").returncode == 0
    assert toy.lock.read_bytes() == stepwise


@pytest.mark.parametrize(("order", "code"), [("exit 3", 3), ("exit 5", 5), ("kill 9", 137)])
def test_the_exit_code_is_the_stages_own(toy, python, order, code):
    """Behind DVC's 255 lies what the stage said; a schedule decides on it."""
    for stage in ("base", "ingest"):
        build(python, stage)
    (toy.root / "order").write_text(order)
    assert build(python, "split") == (code, None)


def test_an_unknown_stage_is_an_error_in_a_sentence(python):
    """DVC's own words, without a traceback."""
    done = python("-m", "flows.building.reproduce", "nonsense")
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert "nonsense" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_lock_of_a_dead_process_is_dropped_also_when_its_number_lives_again(tmp_path):
    """A container restarts and number 1 lives again: that must not block for ever."""
    path = tmp_path / "rwlock"
    ours, gone = {"pid": os.getpid(), "cmd": "ours"}, {"pid": 2**22, "cmd": "gone"}
    path.write_text(json.dumps({"write": {"a": ours, "b": gone}, "read": {"c": [ours, gone]}}))
    drop_stale_locks(path)
    assert json.loads(path.read_text()) == {"write": {"a": ours}, "read": {"c": [ours]}}
    os.utime(path, (1, 1))
    drop_stale_locks(path)
    assert json.loads(path.read_text()) == {"write": {}, "read": {}}


def test_a_line_without_an_end_keeps_the_outcome_apart():
    """A stage that ends without a line break does not hide what happened."""
    assert outcome_of(f"100 %{reproduce.MARK}ran") == ("100 %", "ran")
    assert outcome_of("outcome: ran") == ("outcome: ran", None)
