"""What MLflow's pages say: of the experiment, a run, a version and the registered model."""

import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest
from mlflow import MlflowClient
from registry import client

from components.frame import files
from flows.actions.publish import PublishParams, publish
from flows.pages import experiment as view
from flows.pages import registered_model
from flows.tracking import mirrored_run, stores
from flows.tracking.outputs import Outputs

PARAMS = PublishParams(experiment="thawline")


def run_of(project):
    experiment = client(project).get_experiment_by_name("thawline").experiment_id
    (run,) = client(project).search_runs([experiment], "tags.`thawline.run` != ''")
    return run


def page(project) -> str:
    return client(project).get_registered_model("thawline").description


def test_a_runs_description_shows_figures_that_the_run_holds(seen):
    """Every image's address names this run and one of its artifacts."""
    run = run_of(seen)
    images = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", run.data.tags["mlflow.note.content"])
    assert len(images) == 2
    for image in images:
        asked = parse_qs(urlsplit(image).query)
        assert asked["run_uuid"] == [run.info.run_id]
        client(seen).download_artifacts(run.info.run_id, asked["path"][0])


def test_a_runs_description_tells_how_the_search_decided(project):
    """Its decisions are listed, and lie beside the figures as a table."""
    decisions = project.build / "search" / "decisions.csv"
    decisions.write_text('trials_before,decision\n4,"blocks.1 leads, so it is tried again."\n')

    run = publish(project, PARAMS).run

    assert "- blocks.1 leads, so it is tried again." in run_of(project).data.tags[view.NOTE_TAG]
    there = client(project).list_artifacts(run, "tables/search")
    assert "tables/search/decisions.csv" in [entry.path for entry in there]


def test_the_experiment_opens_on_columns_that_the_runs_have(seen):
    """The view that our links name selects what a run or a trial really holds."""
    experiment = client(seen).get_experiment_by_name("thawline")
    key = parse_qs(urlsplit(view.path(experiment.experiment_id)).query)["viewStateShareKey"][0]
    state = json.loads(experiment.tags[f"mlflow.sharedViewState.{key}"])
    run = run_of(seen)
    held = {f"metrics.`{name}`" for name in run.data.metrics}
    held |= {f"params.`{name}`" for name in run.data.params}
    absent = {"metrics.`test_calibration_error`", "params.`stage`"}  # not in this small project
    assert set(state["selectedColumns"]) <= held | absent
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"


def test_an_experiments_description_by_a_person_stays(project):
    """Our view is renewed, a person's words are not."""
    publish(project, PARAMS)
    number = client(project).get_experiment_by_name("thawline").experiment_id
    client(project).set_experiment_tag(number, view.NOTE_TAG, "ours at work")
    client(project).set_experiment_tag(number, view.VIEW_TAG, "{}")

    assert publish(project, PARAMS).changed

    tags = client(project).get_experiment(number).tags
    assert tags[view.NOTE_TAG] == "ours at work"
    assert tags[view.VIEW_TAG] == view.tags("accuracy")[view.VIEW_TAG]


def test_a_version_has_a_card(seen):
    """Score first, as lists show it; then data, weights with their licence, limits, loading."""
    (version,) = client(seen).search_model_versions("name = 'thawline'")
    card = version.description
    assert card.splitlines()[0].startswith("100.0% (95.0% to 100.0%) accuracy on 36 test")
    assert "24 for train, 12 for validation" in card
    assert "package, licence Apache-2.0" in card
    assert "seen at 32 x 32 pixels" in card
    assert "*Promote model*, the button on this page, passes the gate by" in card
    assert f'load_model("{version.source}")' in card
    assert version.tags["test_accuracy"] == "100.0% (95.0% to 100.0%)"
    assert version.tags["about"] == "names the class of an image; 3 classes: blue, green, red"


def test_the_models_page_follows_the_champion(project, perform, rebuild):
    """It names the version that bears each alias, whoever moved it."""
    perform("publish", "register")
    assert "- **challenger** (the newest that is not): [version 1](" in page(project)
    perform("judge", "promote")
    assert "- **champion** (in use): [version 1](#/models/thawline/versions/1)" in page(project)
    assert page(project).startswith("Names the class of an image; 3 classes: blue, green, red.")
    assert "test accuracy 100.0% (95.0% to 100.0%) on colours; starts from package" in page(project)
    assert "**challenger**" not in page(project)
    assert "*Promote model* button, and an alias that is set here by hand, pass" in page(project)
    rebuild(1, right=0.5)
    perform("publish", "register")
    assert "(#/models/thawline/versions/2), test accuracy 50.0% (45.0% to 55.0%)" in page(project)
    assert 'load_model("models:/thawline@champion")' in page(project)


def test_the_models_page_is_a_persons_once_changed(project, perform):
    """Words of a person are not replaced, and ours are not written twice."""
    perform("publish", "register")
    store = stores.connect(project, "thawline")
    assert not registered_model.describe(store, "thawline")
    client(project).update_registered_model("thawline", "Mine.")
    perform("judge", "promote")
    assert page(project) == "Mine."


@pytest.mark.parametrize("die", ["set_registered_model_tag", "update_registered_model"])
def test_a_writer_of_the_models_page_that_was_killed_is_no_person(
    project, perform, monkeypatch, die
):
    """Killed after either of its two writes, the page is brought up to date by the next."""
    perform("publish", "register")
    before = page(project)
    store = stores.connect(project, "thawline")
    store.client.set_registered_model_alias("thawline", "champion", "1")
    write = getattr(MlflowClient, die)

    def dying(*args, **kwargs):
        write(*args, **kwargs)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, die, dying)
        with pytest.raises(KeyboardInterrupt):
            registered_model.describe(store, "thawline")

    registered_model.describe(store, "thawline")
    assert page(project) != before
    assert "- **champion** (in use): [version 1](" in page(project)
    assert not registered_model.describe(store, "thawline")


def test_names_of_many_classes_are_counted(project):
    """A card does not list a thousand names."""
    network = project.build / "train" / "network.json"
    described = files.read_json(network)
    task = {"name": "classification", "classes": [f"species {i}" for i in range(1000)]}
    files.write_json(network, described | {"task": task})
    assert Outputs(project).task.about().endswith("; 1000 classes")


def test_comparing_opens_on_what_counts(seen):
    """The metric given first, and the settings first by name, are those that MLflow plots."""
    outputs = Outputs(seen)
    for content in (
        mirrored_run.parent(outputs),
        *(one.content for one in mirrored_run.trials(outputs)),
    ):
        assert content.points[0].key in {"test_accuracy", "best_validation_accuracy"}
    told = {"number", "state", "cost", "cached", "why", "validation_score", "validation_loss"}
    assert not told & set(mirrored_run.trials(outputs)[0].content.params)


def test_what_happened_to_a_trial_is_no_setting(project):
    """Its cost is a figure; whether it was cached, and why not, are tags."""
    table = project.build / "search" / "trials.csv"
    first, *lines = table.read_text().splitlines()
    more = [
        f"{first},cost,cached,why",
        *(f"{line},2000000,False,no layer is frozen" for line in lines),
    ]
    table.write_text("\n".join(more) + "\n")
    trial = mirrored_run.trials(Outputs(project))[0].content
    assert {point.key: point.value for point in trial.points}["cost"] == 2e6
    assert trial.tags["thawline.cached"] == "False"
    assert trial.tags["thawline.why"] == "no layer is frozen"
