"""MLflow mirrors what the stages wrote."""

from mlflow import MlflowClient

from flows import tracking
from flows.publish import PublishParams, publish

PARAMS = PublishParams(experiment="thawline")


def client(project) -> MlflowClient:
    return MlflowClient(tracking.address(project))


def runs(project, filter_string=""):
    found = client(project).get_experiment_by_name("thawline")
    return client(project).search_runs([found.experiment_id], filter_string)


def test_publishing_twice_changes_nothing(project):
    first = publish(project, PARAMS)
    before = [run.to_dictionary() for run in runs(project)]

    second = publish(project, PARAMS)

    assert first.changed
    assert not second.changed
    assert [run.to_dictionary() for run in runs(project)] == before
