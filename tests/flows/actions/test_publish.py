"""MLflow mirrors what the stages wrote: all of it, once, whatever was killed or wiped."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from registry import client

from components.frame import files
from components.frame.errors import UsageError
from flows.actions.publish import PublishParams, publish
from flows.records import identity
from flows.tracking import run_content

PARAMS = PublishParams(experiment="thawline")
KILLED = Path(__file__).with_name("killed.py")
START = 1_790_000_000.0
"""As stage_outputs.py has it."""


def runs(project, condition=""):
    found = client(project).get_experiment_by_name("thawline")
    return client(project).search_runs([found.experiment_id], condition)


def history(project, run, key):
    found = client(project).get_metric_history(run.info.run_id, key)
    return sorted((metric.step, metric.value, metric.timestamp) for metric in found)


@pytest.fixture
def parent(project):
    return client(project).get_run(publish(project, PARAMS).run)


@pytest.fixture(scope="module")
def shown(seen):
    """The run of a project that tests only look at."""
    (run,) = runs(seen, "tags.`thawline.run` != ''")
    return run


def trials(project, parent):
    found = runs(project, f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'")
    return sorted(found, key=lambda run: int(run.data.tags["thawline.trial"]))


def test_the_run_holds_every_parameter(seen, shown):
    """Every `stage.key` is there, and what the search chose under the names that trials use."""
    params = shown.data.params
    assert params["search.max_trials"] == "3"
    assert params["search.learning_rate.low"] == "1e-05"
    assert params["ingest.source"] == "images/colours.tar"
    assert params["judge.alpha"] == "0.05"
    chosen = {"freeze_depth", "layer", "trained_fraction", "learning_rate"}
    assert chosen <= set(params)
    assert chosen <= set(trials(seen, shown)[0].data.params)
    assert params["architecture"] == "test_efficientnet"


def test_the_run_holds_the_curves_of_the_training(seen, shown):
    """One point an epoch, at the time the event tells, for every metric."""
    expected = [(epoch, 1 / epoch, int((START + 300 + epoch) * 1000)) for epoch in (1, 2, 3)]
    assert history(seen, shown, "train_loss") == expected
    assert {"train_accuracy", "validation_loss", "validation_accuracy"} <= set(shown.data.metrics)
    assert [value for _, value, _ in history(seen, shown, "images_per_second")] == [
        311,
        312,
        313,
    ]


def test_the_run_holds_the_final_figures(shown):
    """Test metrics and costs; a figure that is no number is left out."""
    metrics = shown.data.metrics
    assert metrics["test_accuracy"] == 1.0
    assert metrics["test_accuracy_low"] == 0.95
    assert "test_roc_auc" not in metrics
    assert metrics["best_validation_accuracy"] == pytest.approx(0.4 + 3 / 11)
    assert metrics["seconds/total"] == pytest.approx(
        sum(
            value
            for key, value in metrics.items()
            if key.startswith("seconds/") and key not in {"seconds/total", "seconds/epoch"}
        )
    )


def test_every_trial_is_a_nested_run(seen, shown):
    """As many as in the table, with their settings, curves and states."""
    nested = trials(seen, shown)
    assert [run.info.status for run in nested] == ["FINISHED", "KILLED", "FINISHED"]
    assert [run.data.params["freeze_depth"] for run in nested] == ["0", "1", "2"]
    assert [run.data.tags["thawline.state"] for run in nested] == ["complete", "pruned", "complete"]
    assert [len(history(seen, run, "validation_loss")) for run in nested] == [3, 1, 3]
    assert nested[0].info.run_name == "trial 00 · blocks.0 · 3.0e-03"
    assert nested[0].data.params["learning_rate"] == "0.003"


def test_trials_compare_with_the_run_and_each_other(seen, shown):
    """The same metric has the same name everywhere."""
    shared = {
        "train_loss",
        "train_accuracy",
        "validation_loss",
        "validation_accuracy",
        "learning_rate",
        "best_validation_accuracy",
        "images_per_second",
        "seconds/epoch",
        "seconds/total",
    }
    for run in (shown, *trials(seen, shown)):
        assert shared <= set(run.data.metrics)


def test_the_run_names_its_data(shown):
    """A data set a split, by its digest, with its counts."""
    inputs = {
        entry.tags[0].value: json.loads(entry.dataset.profile)
        for entry in shown.inputs.dataset_inputs
    }
    assert {split: profile["images"] for split, profile in inputs.items()} == {
        "train": 24,
        "validation": 12,
        "test": 36,
    }
    assert inputs["test"]["classes"] == {"blue": 12, "green": 12, "red": 12}
    assert {entry.dataset.name for entry in shown.inputs.dataset_inputs} == {"colours"}
    assert shown.data.tags["thawline.data"] == "cd" * 32


def test_the_run_names_its_base_weights(shown):
    """Source, licence and hash of what the network starts from."""
    tags = shown.data.tags
    assert tags["thawline.base.source"] == "package"
    assert tags["thawline.base.licence"] == "Apache-2.0"
    assert tags["thawline.base.sha256"] == "ab" * 32


def test_the_run_can_be_recognised(seen, shown):
    """Its name says network, layer and score; its page describes it; its key is the lock's."""
    assert shown.info.run_name == "100.0 % · blocks.1 · colours · test_efficientnet"
    note = shown.data.tags["mlflow.note.content"]
    assert note.startswith("100.0% (95.0% to 100.0%) accuracy on 36 test images of colours; the")
    assert shown.data.tags["thawline.run"] == identity.lock_key(seen.lock)
    assert shown.data.tags["thawline.model"] == identity.model_digest(seen)


def test_the_run_holds_figures_and_lineage(seen, shown):
    """Figures, lock, parameters and the training manifest lie in the run, unchanged."""
    for name in ("dvc.lock", "dvc.yaml", "params/search.yaml", "data/source.yaml"):
        fetched = client(seen).download_artifacts(shown.info.run_id, name)
        assert Path(fetched).read_bytes() == (seen.root / name).read_bytes()
    there = client(seen).list_artifacts(shown.info.run_id, "figures")
    assert [entry.path for entry in there] == ["figures/learning.png", "figures/preview.png"]
    manifest = client(seen).list_artifacts(shown.info.run_id, "data")
    assert "data/splits.parquet" in [entry.path for entry in manifest]


def test_the_duration_is_what_the_stages_worked(shown):
    """A search that was reused from yesterday does not make the run a day long."""
    seconds = shown.data.metrics["seconds/total"]
    assert shown.info.end_time - shown.info.start_time == pytest.approx(seconds * 1000)


def test_publishing_twice_changes_nothing(project):
    """The second time finds everything there."""
    first = publish(project, PARAMS)
    before = [run.to_dictionary() for run in runs(project)]

    second = publish(project, PARAMS)

    assert first.changed
    assert not second.changed
    assert second.run == first.run
    assert [run.to_dictionary() for run in runs(project)] == before


def test_what_a_person_wrote_in_mlflow_stays(project, parent):
    """A run renamed, described or tagged by hand is not set back."""
    run = parent.info.run_id
    client(project).update_run(run, name="my favourite")
    client(project).set_tag(run, "mlflow.note.content", "mine")

    publish(project, PARAMS)

    kept = client(project).get_run(run)
    assert kept.info.run_name == "my favourite"
    assert kept.data.tags["mlflow.note.content"] == "mine"


def test_a_deleted_trial_and_a_lost_figure_come_back(project, parent):
    """Publishing again brings what the store lost, and nothing else."""
    client(project).delete_run(trials(project, parent)[1].info.run_id)
    (lost,) = project.mlflow.rglob("figures/preview.png")
    lost.write_bytes(b"cut")

    assert publish(project, PARAMS).changed

    assert len(trials(project, parent)) == 3
    whole = project.build / "augment" / "preview.png"
    assert lost.read_bytes() == whole.read_bytes()
    assert not publish(project, PARAMS).changed


def test_another_lock_is_another_run(project, parent):
    """What was built anew is published beside what was."""
    files.write_text(project.lock, "schema: '2.0'\n")
    assert publish(project, PARAMS).run != parent.info.run_id
    assert len(runs(project, "tags.`thawline.run` != ''")) == 2


def test_figures_drawn_anew_are_brought_to_the_run_that_is_there(project, parent):
    """A new colour makes no new run: figures and the lock that names them, nothing else."""
    before = {run.info.run_id for run in runs(project)}
    with project.lock.open("a") as lock:
        lock.write("  report:\n    cmd: python -m components.report\n")
    (figure,) = (project.build / "report" / "figures").glob("*.png")
    drawn = figure.read_bytes()
    figure.write_bytes(drawn[::-1])  # of the same size

    again = publish(project, PARAMS)

    assert (again.run, again.changed) == (parent.info.run_id, True)
    assert {run.info.run_id for run in runs(project)} == before
    for name, path in {
        f"figures/{figure.name}": figure,
        "dvc.lock": project.lock,
    }.items():
        there = client(project).download_artifacts(again.run, name)
        assert Path(there).read_bytes() == path.read_bytes()
    assert not publish(project, PARAMS).changed


def test_a_run_half_published_whose_events_are_gone_is_replaced(project, parent):
    """Without the times of its points it cannot be continued: no point is there twice."""
    run = parent.info.run_id
    client(project).delete_tag(run, "thawline.whole")
    shutil.rmtree(project.private)

    again = publish(project, PARAMS)

    assert again.run != run
    kept = client(project).get_run(again.run)
    assert [step for step, _, _ in history(project, kept, "train_loss")] == [1, 2, 3]
    assert len(runs(project)) == 4
    assert not publish(project, PARAMS).changed


def test_a_run_published_whole_outlives_its_events(project, parent):
    """Deleting `.thawline/` makes nothing pending and changes nothing."""
    shutil.rmtree(project.private)
    again = publish(project, PARAMS)
    assert not again.changed
    assert again.run == parent.info.run_id


def test_events_of_another_state_are_not_taken(project):
    """Times and speeds come from the events of exactly these inputs, or not at all."""
    text = (project.params / "search.yaml").read_text().replace("3", "4", 1)
    (project.params / "search.yaml").write_text(text)
    parent = client(project).get_run(publish(project, PARAMS).run)
    first = trials(project, parent)[0]
    assert "images_per_second" not in first.data.metrics
    assert [step for step, _, _ in history(project, first, "train_loss")] == [1, 2, 3]
    assert "images_per_second" in parent.data.metrics


def test_nothing_built_is_a_plain_error(project):
    """Without outputs the error names what is missing and the remedy."""
    (project.build / "evaluate" / "metrics.json").unlink()
    with pytest.raises(UsageError, match=r"build/evaluate/metrics\.json .* dvc repro"):
        publish(project, PARAMS)


@pytest.mark.parametrize("every", [13, pytest.param(1, marks=pytest.mark.slow)])
def test_killed_anywhere_it_ends_the_same(project, tmp_path, every):
    """SIGKILL before or after any write, then once more: MLflow holds what it should, once."""
    done = subprocess.run(
        [sys.executable, KILLED, "publish", project.root, tmp_path / "killed", str(every)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    whole, *others = done.stdout.splitlines()
    assert len(others) > 2
    for other in others:
        assert json.loads(other) == json.loads(whole)


def test_a_wiped_store_is_filled_again(project):
    """Database and artifacts gone: the next publishing brings everything, events or not."""
    code = (
        "import shutil, sys; sys.path.insert(0, sys.argv[2]); import killed; killed.warm();"
        "from pathlib import Path;"
        "from flows.project import Project; p = Project(Path(sys.argv[1]));"
        "again = lambda: (killed.perform(p, 'publish'), print(killed.held(p)));"
        "killed.in_child(again); shutil.rmtree(p.mlflow); killed.in_child(again)"
    )
    command = [sys.executable, "-W", "ignore", "-c", code, project.root, KILLED.parent]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    first, second = done.stdout.splitlines()
    assert json.loads(first) == json.loads(second)
    assert len(json.loads(first)[0]) == 4


def test_what_is_no_number_is_no_point():
    """NaN and infinity would come back from MLflow as something else; words are no metric."""
    values = {"a": float("nan"), "b": float("inf"), "c": None, "d": "1", "e": 2}
    assert [point.key for point in run_content.points_of(values, None)] == ["e"]
    assert run_content.number("nan") is None
    assert run_content.number("") is None
    assert run_content.number("1e-3") == 0.001


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/../b", "/a", "a%", "ü", "a\nb", "a:b", "x" * 400]
)
def test_any_name_is_made_one_that_mlflow_takes(name):
    """Class names may hold anything, metric names may not."""
    from mlflow.utils.validation import _validate_metric

    assert _validate_metric(run_content.safe(name), 1.0, 0, 0) is None


def test_different_names_stay_different():
    """Names that look alike once made safe are not the same metric."""
    names = [
        "a",
        "ä",
        "a_xe4_",
        "_xe4_",
        "_x5f_xe4_",
        "é",
        "a/",
        "a",
        "A",
        "..",
        ".",
        "a:",
        "a_",
        "a//b",
        "a/b",
        "x" * 400,
        "x" * 401,
        "__xe9_",
        "_é",
        "a b",
        "a_x20_b",
    ]
    assert len({run_content.safe(name) for name in names}) == len(set(names))
