"""A run under way shows in MLflow, and becomes the published run: the same points, once."""

import signal
import socket
import subprocess
import sys
import time

import pytest
from mlflow import MlflowClient

from components.frame import files
from components.frame.errors import UnreachableError
from flows.actions.publish import PublishParams, publish
from flows.pages import experiment
from flows.tracking import stores, timings
from flows.tracking.live import Follower

PARAMS = PublishParams(experiment="thawline")
LIVE = "tags.`thawline.live` != ''"
SEARCH, TRAIN = "search", "train"


def client(project) -> MlflowClient:
    return MlflowClient(stores.address(project))


def runs(project, condition=""):
    found = client(project).get_experiment_by_name("thawline")
    return client(project).search_runs([found.experiment_id], condition)


def steps(project, run, key):
    return sorted(metric.step for metric in client(project).get_metric_history(run, key))


@pytest.fixture
def told(project):
    """The events that the stages of the fixture tell, taken away: they are told again in parts."""
    kept = {name: timings.events_path(project, name) for name in (SEARCH, TRAIN)}
    lines = {name: path.read_bytes().splitlines(keepends=True) for name, path in kept.items()}
    for path in kept.values():
        path.unlink()

    def tell(name: str, count: int) -> None:
        with kept[name].open("ab") as file:
            file.writelines(lines[name][:count])
        del lines[name][:count]

    return tell


@pytest.fixture
def follower(project):
    return since(project, -1)


def since(project, seconds):
    """A follower of what is told from so many seconds after now."""
    start = time.time() + seconds
    return Follower(project=project, experiment="thawline", since=start)


def test_events_before_it_is_known_what_is_learned_wait(project, follower, told):
    """`augment` tells how far it is while it works; the following goes on, and shows them after."""
    known = project.root / "build/augment/augmentation.json"
    content = known.read_bytes()
    known.unlink()
    told(SEARCH, 2)
    follower.look()
    assert follower.store is None
    known.write_bytes(content)
    follower.look()
    assert len(runs(project, LIVE)) == 1


def test_what_is_told_shows_at_once(project, follower, told):
    """Curves of the trials and of the training appear while they grow."""
    told(SEARCH, 4)
    follower.look()
    parent = runs(project, LIVE)[0]
    (trial,) = runs(project, f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'")
    assert parent.info.status == trial.info.status == "RUNNING"
    assert steps(project, trial.info.run_id, "validation_accuracy") == [1, 2, 3]
    assert parent.data.params["search.max_trials"] == "3"

    told(SEARCH, 3)
    follower.look()
    states = {run.info.run_name: run.info.status for run in runs(project) if run != parent}
    assert states["trial 00 · blocks.0 · 3.0e-03"] == "FINISHED"
    assert states["trial 01 · blocks.1 · 3.3e-05 · ended early"] == "FINISHED"
    ended = [run.info for run in runs(project) if run.info.status != "RUNNING"]
    assert ended
    assert all(info.start_time < info.end_time for info in ended), "it began before it was shown"


def test_publishing_takes_the_live_run_over(project, follower, told):
    """It is the same run with the same nested ones, no point is there twice, nothing is pending."""
    told(SEARCH, 99)
    follower.look()
    told(TRAIN, 99)
    follower.look()
    follower.end()
    before = {run.info.run_id for run in runs(project)}

    published = publish(project, PARAMS)

    assert {run.info.run_id for run in runs(project)} == before
    assert steps(project, published.run, "train_loss") == [1, 2, 3]
    assert runs(project, LIVE) == []
    parent = client(project).get_run(published.run)
    assert parent.info.status == "FINISHED"
    assert parent.info.run_name == "100.0 % · blocks.1 · colours · test_efficientnet"
    assert not publish(project, PARAMS).changed


def test_a_finished_run_is_not_followed_by_a_second(project, follower, told):
    """Where the run is published already, what was shown live goes."""
    first = publish(project, PARAMS)
    told(SEARCH, 99)
    told(TRAIN, 99)
    follower.look()
    assert len(runs(project, LIVE)) == 1

    second = publish(project, PARAMS)

    assert second.run == first.run
    assert len(runs(project)) == 4


def test_a_killed_follower_is_taken_up_again(project, follower, told):
    """A second process goes on with the same run; what both sent is there once."""
    told(SEARCH, 3)
    follower.look()
    told(SEARCH, 99)
    again = since(project, -60)
    again.look()

    assert len(runs(project, LIVE)) == 1
    assert len(runs(project)) == 4
    told(TRAIN, 99)
    again.look()
    published = publish(project, PARAMS)
    assert steps(project, published.run, "train_loss") == [1, 2, 3]
    assert len(runs(project)) == 4


def test_an_epoch_computed_again_is_one_point(project, follower, told):
    """A trial that was killed half-way starts anew: its first epochs are told twice."""
    told(SEARCH, 3)
    follower.look()
    path = timings.events_path(project, SEARCH)
    again = path.read_text().replace('"at": 17900002', '"at": 17900009')
    with path.open("a") as file:
        file.write(again)
    told(SEARCH, 99)
    follower.look()
    told(TRAIN, 99)
    shown = {run.info.run_id for run in runs(project)}
    published = publish(project, PARAMS)

    assert {run.info.run_id for run in runs(project)} >= shown
    nested = f"tags.`mlflow.parentRunId` = '{published.run}' and tags.`thawline.trial` = '0'"
    (trial,) = runs(project, nested)
    assert steps(project, trial.info.run_id, "train_loss") == [1, 2, 3]


def test_a_run_given_up_makes_room(project, follower, told):
    """Other parameters begin another run; the provisional one of before goes."""
    told(SEARCH, 99)
    follower.look()
    given_up = runs(project, LIVE)[0].info.run_id
    files.write_yaml(project.params / "judge.yaml", {"alpha": 0.01})
    told(TRAIN, 2)
    since(project, -60).look()

    assert given_up not in {run.info.run_id for run in runs(project)}
    assert len(runs(project, LIVE)) == 1


def test_other_values_than_shown_replace_the_run(project, follower, told):
    """A live run that shows what the outputs do not have is not patched up."""
    told(TRAIN, 99)
    path = timings.events_path(project, TRAIN)
    text = path.read_text().replace('"train_loss": 0.5', '"train_loss": 0.25')
    path.write_text(text)
    follower.look()
    shown = runs(project, LIVE)[0].info.run_id

    published = publish(project, PARAMS)

    assert published.run != shown
    assert [run.info.run_id for run in runs(project)].count(shown) == 0
    assert steps(project, published.run, "train_loss") == [1, 2, 3]


def test_old_events_are_not_shown(project):
    """What was told before the start belongs to another run."""
    since(project, 60).look()
    assert client(project).get_experiment_by_name("thawline") is None


def test_an_end_without_publishing_is_shown_as_one(project, follower, told):
    """A run that was stopped does not look as if it went on."""
    told(SEARCH, 2)
    follower.look()
    follower.end()
    assert {run.info.status for run in runs(project)} == {"KILLED"}


def test_a_store_that_is_away_loses_nothing(project, follower, told, monkeypatch):
    """What could not be shown is shown later, and `end` does not complain."""
    told(SEARCH, 4)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{free.getsockname()[1]}")
    with pytest.raises(UnreachableError):
        follower.look()
    follower.end()
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    follower.look()
    assert len(runs(project)) == 2


@pytest.mark.parametrize("ending", ["input", "SIGTERM"])
def test_the_process_ends_with_its_input_or_at_a_signal(project, told, ending):
    """It shows what was told last, and leaves with 0: nobody waits for it in vain."""
    command = [sys.executable, "-m", "flows.actions.publish", "--live"]
    process = subprocess.Popen(
        command, cwd=project.root, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    time.sleep(1.5)
    told(SEARCH, 99)
    if ending == "input":
        process.stdin.close()
    else:
        process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 0
    assert process.stderr.read() == ""
    process.stderr.close()
    process.stdin.close()
    assert len(runs(project)) == 4


def test_the_pages_open_on_the_first_run_while_it_is_under_way(project, told, follower):
    """The experiment gets its view with the first run that is shown, not when that is published."""
    told(SEARCH, 99)
    follower.opened = experiment.ensure
    follower.look()
    assert experiment.VIEW_TAG in client(project).get_experiment_by_name("thawline").tags
