"""Nothing changed costs nothing; everything that did is noticed."""

import shutil

import pytest

from flows.actions import action, pending
from flows.building import graph


def test_a_finished_build_is_remembered(built):
    """The first question is answered by sizes and times alone."""
    assert pending.is_built(built)


def touch_code(project):
    (project.root / "split.py").write_text("print()\n")


def touch_params(project):
    (project.params / "split.yaml").write_text("val_fraction: 0.3\n")


def touch_output(project):
    (project.build / "split" / "splits.txt").write_text("none")


def add_output(project):
    (project.build / "split" / "more.txt").write_text("")


def drop_build(project):
    shutil.rmtree(project.build)


def touch_pin(project):
    (project.data / "source.yaml").write_text("sha256: '1'\n")


def touch_pipeline(project):
    project.pipeline.write_text(project.pipeline.read_text() + "# a comment\n")


def drop_lock(project):
    project.lock.unlink()


def drop_private(project):
    shutil.rmtree(project.private)


@pytest.mark.parametrize(
    "change",
    [
        touch_code,
        touch_params,
        touch_output,
        add_output,
        drop_build,
        touch_pin,
        touch_pipeline,
        drop_lock,
        drop_private,
    ],
)
def test_every_change_is_noticed(built, change):
    """Whatever DVC would look at makes the first answer: look closer."""
    change(built)
    assert not pending.is_built(built)


def test_compiled_python_is_no_change(built):
    """Running the code must not make it stale."""
    (built.build / "split" / "__pycache__").mkdir()
    (built.build / "split" / "__pycache__" / "x.pyc").write_bytes(b"1")
    assert pending.is_built(built)


def test_a_change_during_the_run_is_found_the_next_time(built):
    """The snapshot is older than DVC's answer: what was edited meanwhile is not taken for built."""
    seen = pending.snapshot(built)
    touch_code(built)
    pending.remember_built(built, seen)
    assert not pending.is_built(built)
    assert "split" in graph.changes(built)


def test_done_actions_are_not_pending(settled):
    """Each action is done once for what is built."""
    assert pending.pending(settled) == []


def test_before_the_first_build_everything_is_pending(toy):
    """No lock: no run was published."""
    assert pending.pending(toy) == list(action.AFTER_BUILD)


def test_a_new_build_leaves_everything_pending(settled):
    """Another lock is another run."""
    settled.lock.write_text(settled.lock.read_text() + "# another\n")
    assert pending.pending(settled) == list(action.AFTER_BUILD)


def test_a_changed_parameter_of_an_action_makes_it_pending_and_what_follows(settled):
    """Another alpha may turn the verdict; nothing is published again for it."""
    (settled.params / "judge.yaml").write_text("alpha: 0.01\n")
    assert pending.pending(settled) == ["judge", "promote", "push"]


def test_a_new_remote_makes_the_push_pending(settled):
    """What was never sent there must be."""
    (settled.root / ".dvc" / "config.local").write_text("[core]\n    remote = here\n")
    assert pending.pending(settled) == ["push"]


def test_a_wiped_store_leaves_everything_pending(settled):
    """A store that is gone is filled again."""
    shutil.rmtree(settled.mlflow)
    assert pending.pending(settled) == list(action.AFTER_BUILD)


def test_a_replaced_store_leaves_everything_pending(settled, replace_store):
    """Another store at the same place holds nothing of ours."""
    replace_store(settled)
    assert pending.pending(settled) == list(action.AFTER_BUILD)


def test_another_store_leaves_everything_pending_and_a_silent_server_nothing(settled, monkeypatch):
    """A server that does not answer is taken for the one that was filled; another one is not."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert pending.pending(settled) == list(action.AFTER_BUILD)
    for name in action.AFTER_BUILD:
        pending.remember_action(settled, name)
    done = settled.private / "done.json"
    done.write_text(done.read_text().replace('"store": null', '"store": "1"'))
    assert pending.pending(settled) == []
