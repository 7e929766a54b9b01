"""What makes a run the same run and a model the same model."""

import json

import pytest

from flows.project import Project
from flows.records import identity

LOCK = """\
schema: '2.0'
stages:
  evaluate:
    cmd: python -m components.evaluate
    outs:
    - path: build/evaluate
      md5: {evaluate}
  report:
    cmd: python -m components.report
    outs:
    - path: build/report
      md5: {report}
  search:
    cmd: python -m components.search
    outs:
    - path: build/search
      md5: {search}
"""


@pytest.fixture
def key(tmp_path):
    """The key of a lock whose stages made outputs of these digests."""

    def of(**digests):
        made = {"evaluate": "e", "report": "r", "search": "s"} | digests
        (tmp_path / "dvc.lock").write_text(LOCK.format(**made))
        return identity.lock_key(tmp_path / "dvc.lock")

    return of


def test_a_run_is_another_one_where_any_stage_made_something_else(key):
    """But for the one that only draws, wherever it stands in the lock."""
    assert key(report="other") == key()
    assert len({key(), key(search="other"), key(evaluate="other")}) == 3


@pytest.fixture
def folder(tmp_path):
    """A project with parameters, pins and a model."""
    project = Project(tmp_path / "project")
    for name in ("params/search.yaml", "data/source.yaml", "dvc.yaml", "build/train/x"):
        (project.root / name).parent.mkdir(parents=True, exist_ok=True)
        (project.root / name).write_text("a: 1\n")
    return project


@pytest.mark.parametrize("name", ["params/search.yaml", "data/source.yaml", "dvc.yaml"])
def test_a_run_under_way_is_another_one_where_what_it_reads_changed(folder, name):
    """Its parameters, its pins, its stages; not what it makes, nor asked a second time."""
    before = identity.live_key(folder)
    (folder.root / "build/train/x").write_text("other")
    assert identity.live_key(folder) == before
    (folder.root / name).write_text("a: 2\n")
    assert identity.live_key(folder) != before


def test_a_run_under_way_elsewhere_is_another_one(folder, tmp_path):
    """A copy of the folder is a place of its own."""
    other = Project(tmp_path / "copy")
    folder.root.rename(other.root)
    there = identity.live_key(other)
    other.root.rename(folder.root)
    assert identity.live_key(folder) != there


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("transform", {"size": 32, "resize": 40, "mean": [0.5] * 3, "std": [0.5] * 3}),
        ("task", {"name": "classification", "classes": ["red", "green", "blue"]}),
        ("architecture", "test_resnet"),
    ],
)
def test_equal_weights_that_are_used_otherwise_are_another_model(template, tmp_path, field, value):
    """Whatever changes an answer is part of the digest; what tells of the training is not."""
    import shutil

    shutil.copytree(template / "build/train", tmp_path / "build/train")
    path, project = tmp_path / "build/train/network.json", Project(tmp_path)
    before, written = identity.model_digest(project), json.loads(path.read_text())
    path.write_text(json.dumps(written | {"learning_rate": 0.5, "trained_fraction": 0.5}))
    assert identity.model_digest(project) == before
    path.write_text(json.dumps(written | {field: value}))
    assert identity.model_digest(project) != before
