"""The actions know nothing of a task but its protocol: here the answer is a number."""

import numpy as np
import pandas as pd
import pytest
from registry import ALL, client

from components.frame import files
from components.tasks import registry
from flows.gate import champion
from flows.records import identity, ledger


class Length:
    """How long the name of an image's colour is; its score is the negative error."""

    name = "length"
    score_name = "closeness"
    figures = ()
    outputs = 1

    @classmethod
    def from_description(cls, _described):
        return cls()

    def description(self):
        return {}

    def truth(self, table):
        return table["class"].str.len().astype(float)

    def answers(self, outputs):
        return outputs

    def served(self, answers):
        return pd.DataFrame({"length": answers[:, 0]})

    def grade(self, served, truth):
        return -np.abs(served["length"].to_numpy() - truth.to_numpy())

    def shown(self, score):
        return f"{score:.2f}"

    def beside(self, _metrics):
        return ""

    def about(self):
        return "tells a length"

    def limits(self, _tables):
        return ("A length is told for every image.",)

    def lacking(self, _other):
        return ()

    def answerable(self, truth):
        return np.ones(len(truth), bool)


@pytest.fixture
def length(project, monkeypatch):
    """Make the project's model one that was trained for lengths, off by so much."""
    monkeypatch.setitem(registry.TASKS, Length.name, Length)

    def make(error):
        path = project.build / "train" / "network.json"
        files.write_json(path, files.read_json(path) | {"task": registry.described(Length())})
        path = project.build / "evaluate" / "predictions.parquet"
        table = pd.read_parquet(path)[["path", "sha256"]]
        images = pd.read_parquet(project.build / "split" / "splits.parquet").set_index("path")
        true = Length().truth(images.loc[table["path"]]).to_numpy()
        scored = table.assign(true=true, predicted=true + error, score=-np.abs(error))
        scored.to_parquet(path, index=False)
        metrics = {"closeness": -0.5, "closeness_low": -0.75, "closeness_high": -0.25}
        files.write_json(project.build / "evaluate" / "metrics.json", metrics | {"images": 36})
        return scored

    return make


def test_models_of_another_task_are_published_registered_and_judged(
    project, perform, rebuild, length
):
    """Scores of any size are compared, under the task's own name for them."""
    length(np.full(36, 0.5))
    perform(*ALL)
    first = identity.model_digest(project)
    rebuild(1)
    scored = length(np.linspace(0.1, 0.3, 36)).sort_values("path")
    kept = champion.kept(project, first, scored)
    files.write_bytes(kept, b"")
    pd.DataFrame({"length": scored["true"] + 0.5}).to_parquet(kept)

    sentences = perform(*ALL)

    assert "Its closeness is better than the champion's" in sentences[2]
    entry = ledger.last(project, "verdict")
    assert entry["champion_score"] == -0.5
    assert entry["challenger_score"] == pytest.approx(-0.2)
    assert entry["p_value"] == pytest.approx(1e-4)
    version = client(project).get_model_version("thawline", "2")
    assert version.tags["test_closeness"] == "-0.50 (-0.75 to -0.25)"
    run = client(project).get_run(version.run_id)
    assert {"test_closeness", "validation_closeness"} <= set(run.data.metrics)


def test_a_model_that_learned_something_else_waits_for_a_person(perform, rebuild, length):
    """It becomes a challenger, and the verdict says why no more."""
    perform(*ALL)
    rebuild(1)
    length(np.zeros(36))
    assert "It learned length, but the champion classification" in perform(*ALL)[2]
