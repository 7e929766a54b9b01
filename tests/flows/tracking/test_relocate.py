"""A project that was moved or copied keeps its store whole."""

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from flows.tracking import relocate

LOOK = """
import sys, warnings; warnings.simplefilter("ignore")
from pathlib import Path
from flows.tracking import stores
from flows.actions import action
from flows.project import Project
project = Project(Path(sys.argv[1]))
with stores.answering(project):
    client = stores.connect(project, "thawline").client
    from mlflow.artifacts import download_artifacts
    print(download_artifacts("models:/thawline@champion/MLmodel", dst_path=sys.argv[2]))
    for run in client.search_runs([client.get_experiment_by_name("thawline").experiment_id]):
        assert run.info.artifact_uri.startswith((project.mlflow / "artifacts").as_uri()), run
print(action.perform(project, "publish"))
print(action.perform(project, "judge"))
"""


@pytest.mark.parametrize("way", [shutil.move, shutil.copytree])
def test_a_moved_or_copied_project_keeps_its_models(project, perform, tmp_path, way):
    """Everything is found in the new place, nothing is published again or sought in the old one."""
    perform("publish", "register", "judge", "promote")
    place = tmp_path / "another place"
    way(project.root, place)
    if project.root.exists():  # a copy must not lean on what it was copied from
        shutil.rmtree(project.mlflow / "artifacts")
    (tmp_path / "fetched").mkdir()

    command = [sys.executable, "-c", LOOK, place, tmp_path / "fetched"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert "in MLflow already" in done.stdout
    assert "is the champion" in done.stdout
    assert not (project.mlflow / "artifacts").exists()


def test_a_store_in_its_place_is_left_alone(project, perform):
    """Nothing is written where nothing moved, nor where there is no store yet."""
    assert not relocate.follow(project.root / "nowhere" / "mlflow.db")
    perform("publish")
    assert not relocate.follow(project.mlflow / "mlflow.db")


def test_addresses_of_others_stay(project, perform):
    """An experiment that keeps its files elsewhere keeps them there."""
    perform("publish")
    with closing(sqlite3.connect(project.mlflow / "mlflow.db")) as store, store:
        store.execute("UPDATE experiments SET artifact_location = 's3://bucket/x'")
    assert not relocate.follow(project.mlflow / "mlflow.db")
