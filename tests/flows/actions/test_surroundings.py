"""Actions in a folder of any name, and where nothing can be written."""

import pytest
from registry import ALL, vouch
from stage_outputs import fresh

from components.frame.errors import UnreachableError
from flows.actions import action, pending
from flows.records import ledger
from flows.registry import versions
from flows.serving import fetched, worker

NAME = "my 100%20 sure? #1 é'"


def test_every_action_works_in_a_folder_of_any_name(template, empty_store, tmp_path, monkeypatch):
    """And nothing is written beside it; the model answers."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    project = fresh(template, empty_store, tmp_path / NAME)
    for name in ALL:
        action.perform(project, name)
        vouch(project)
    assert action.perform(project, "publish").startswith("The run is in MLflow already")
    assert ledger.recorded_champion(project, "thawline")["version"] == 1
    wanted = versions.Name("thawline", alias=versions.CHAMPION)
    with fetched.named(project, wanted) as (_, folder), worker.running(folder) as model:
        (answer,) = model.ask([project.root / "data/raw/red/test-00.png"])
    assert answer["class"] in {"red", "green", "blue"}
    pending.remember_action(project, "publish")
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


@pytest.mark.parametrize("name", ["publish", "register", "judge", "promote"])
def test_an_action_that_may_not_write_is_delayed(name, project, perform, read_only):
    """With a sentence, whichever folder takes nothing."""
    perform(*ALL[: ALL.index(name)])
    project.private.mkdir(exist_ok=True)
    for closed in (project.private, project.mlflow):
        with read_only(closed), pytest.raises(UnreachableError) as caught:
            action.perform(project, name)
        assert caught.value.exit_code == 5
