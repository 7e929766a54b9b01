"""The experiment's own page: opened on the runs, in columns that compare them at once.

MLflow keeps a view that was shared as a tag of the experiment, in JSON, and an address that names
it shows the runs so (`mlflow.sharedViewState.KEY`, `viewStateShareKey=KEY`). Without it every run's
hundred parameters and metrics are off, and MLflow 3.17 opens on its pages for language models.
"""

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flows.tracking.stores import Store

KEY = "thawline"
VIEW_TAG = f"mlflow.sharedViewState.{KEY}"
NOTE_TAG = "mlflow.note.content"
KIND_TAG = "mlflow.experimentKind"
METRICS = ("best_validation_{score}", "test_{score}", "test_{score}_low", "test_{score}_high")
"""Those of the score, by the task's name for it."""
COLUMNS = (
    "metrics.`test_calibration_error`",
    "params.`layer`",
    "params.`learning_rate`",
    "params.`stage`",
    "params.`trained_fraction`",
)
"""What else is shown of a run or a trial; width and order MLflow takes from the reader alone."""
NOTE = (
    "One run a pipeline run, one nested in it for each trial of its search. A run's page tells "
    "what it is worth, with figures. Select some and press Compare to see what differs."
)


def path(experiment_id: str) -> str:
    """Where MLflow's pages show the runs so, after the `#`."""
    return (
        f"/experiments/{experiment_id}/runs?workflowType=machine_learning&viewStateShareKey={KEY}"
    )


def tags(score_name: str) -> dict[str, str]:
    """What the experiment should bear, where people call the score so."""
    scores = [f"metrics.`{name.format(score=score_name)}`" for name in METRICS]
    state = {"selectedColumns": [*scores, *COLUMNS]}
    return {VIEW_TAG: json.dumps(state), KIND_TAG: "custom_model_development", NOTE_TAG: NOTE}


def ensure(store: "Store", score_name: str) -> bool:
    """Give the experiment what it lacks; what a person wrote stays. True if it lacked anything."""
    there = store.client.get_experiment(store.experiment).tags
    lacking = {
        key: value
        for key, value in tags(score_name).items()
        if key not in there or (key == VIEW_TAG and there[key] != value)
    }
    for key, value in lacking.items():
        store.client.set_experiment_tag(store.experiment, key, value)
    return bool(lacking)
