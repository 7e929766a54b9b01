"""The gate: what is judged, on which images, and what the ledger keeps of it."""

import shutil

import pandas as pd
import pytest
from registry import ALL, UP_TO_JUDGE, aliases, client

from components.frame import files
from components.frame.errors import DataError, UsageError
from components.tasks.classification import Classification
from flows.actions.judge import JudgeParams, judge
from flows.gate import champion
from flows.records import identity, ledger

PARAMS = JudgeParams(alpha=0.05)


def test_the_first_model_of_a_name_may_be_champion(project, perform):
    """Nobody is there to be compared with."""
    perform("publish", "register")
    judged = judge(project, PARAMS)
    assert judged.promote
    assert judged.entry["champion"] is None
    assert "first model" in judged.message


@pytest.mark.usefixtures("first")
def test_the_champion_is_not_judged_against_itself(project):
    """The same model again is no challenger: no verdict, nothing to promote."""
    judged = judge(project, PARAMS)
    assert judged.entry is None
    assert not judged.promote
    assert len(ledger.read(project, "verdict")) == 1


def test_a_better_challenger_wins(project, first, rebuild, perform, answers):
    """Better on the same images, with its p-value in the ledger and on the version."""
    rebuild(1, right=1.0)
    answers(first, right=0.5)
    perform(*UP_TO_JUDGE)

    entry = ledger.last(project, "verdict")
    assert entry["promote"]
    assert entry["champion"] == first
    assert entry["challenger"] == identity.model_digest(project)
    assert entry["images"] == 36
    assert entry["p_value"] == pytest.approx(0.5**18)
    assert entry["champion_score"] == 0.5
    tags = client(project).get_model_version("thawline", "2").tags
    assert tags["thawline.verdict.promote"] == "True"
    assert "(100.0% against 50.0%, p = 3.8e-06, below" in tags["thawline.verdict.reason"]


def test_an_equal_challenger_stays_challenger(project, first, rebuild, perform, answers):
    """As good is not better: the champion is untouched."""
    rebuild(1, right=0.75)
    answers(first, right=0.75)
    sentences = perform(*ALL)
    assert "not shown to be better" in sentences[2]
    assert sentences[3].startswith("Nothing to promote: version 1 stays the champion.")
    assert aliases(project) == {"champion": 1, "challenger": 2}


def test_a_verdict_is_given_once(project, first, rebuild, perform, answers):
    """Judging again finds the verdict, whatever became of the cache."""
    rebuild(1, right=1.0)
    answers(first, right=0.5)
    perform(*UP_TO_JUDGE)
    shutil.rmtree(project.private)
    assert judge(project, PARAMS).entry == ledger.last(project, "verdict")
    assert len(ledger.read(project, "verdict")) == 2


def test_another_alpha_is_another_question(project, first, rebuild, perform, answers):
    """The same answers are judged again where the rule changed."""
    rebuild(1, right=1.0)
    answers(first, right=31 / 36)
    perform(*UP_TO_JUDGE)
    assert ledger.last(project, "verdict")["promote"]
    assert not judge(project, JudgeParams(alpha=0.01)).promote


@pytest.mark.usefixtures("first")
def test_the_champion_is_asked_once_and_really(project, rebuild, perform):
    """Its answers are those of its own network and code, and are kept."""
    rebuild(1, right=1.0)
    perform(*UP_TO_JUDGE)
    (kept,) = (project.private / "champion").glob("*.parquet")
    table = pd.read_parquet(project.build / "evaluate/predictions.parquet").sort_values("path")
    said = pd.read_parquet(kept)
    assert len(said) == len(table) == 36
    right = (said["class"].to_numpy() == table["true"].to_numpy()).mean()
    assert ledger.last(project, "verdict")["champion_score"] == pytest.approx(right)

    kept.write_bytes(b"")  # an empty file could not be read
    ledger_lines = project.ledger.read_text()
    assert judge(project, PARAMS).entry is not None
    assert project.ledger.read_text() == ledger_lines


def test_the_champion_is_not_asked_what_it_was_trained_on(
    project, first, rebuild, perform, answers
):
    """Nor what it was chosen by: such images that moved into the test set since are left out."""
    splits = pd.read_parquet(project.build / "split/splits.parquet")
    rebuild(1, right=1.0)
    path = project.build / "evaluate" / "predictions.parquet"
    table = pd.read_parquet(path)
    seen = pd.concat([splits.query("split == 'train'")[:3], splits.query("split == 'val'")[:2]])
    moved = table.iloc[:5].assign(path=seen["path"].to_list(), sha256=seen["sha256"].to_list())
    answers(first, right=0.5)
    pd.concat([table, moved]).to_parquet(path, index=False)
    perform(*UP_TO_JUDGE)

    entry = ledger.last(project, "verdict")
    assert entry["images"] == 36
    assert entry["left_out"] == 5


@pytest.mark.parametrize(
    ("classes", "promoted"),
    [(("blue", "green"), False), (("blue", "green", "red", "white"), True)],
    ids=["one less", "one more"],
)
def test_a_class_that_the_challenger_lacks_is_a_reason_and_one_it_has_besides_is_none(
    project, first, rebuild, perform, answers, classes, promoted
):
    """However many images it is better on."""
    rebuild(1, task=Classification(classes))
    answers(first, right=0.25)
    perform(*UP_TO_JUDGE)
    entry = ledger.last(project, "verdict")
    assert entry["champion"] == first
    assert entry["promote"] is promoted
    assert ("the challenger lacks: red" in entry["reason"]) is not promoted


def test_a_permuted_label_list_changes_nothing(project, first, rebuild, perform, answers):
    """Classes are compared by name, never by their place in a list."""
    rebuild(1, right=0.75)
    path = project.build / "train" / "network.json"
    task = {"name": "classification", "classes": ["red", "green", "blue"]}
    files.write_json(path, files.read_json(path) | {"task": task})
    answers(first, right=0.75)
    perform(*UP_TO_JUDGE)
    entry = ledger.last(project, "verdict")
    assert (entry["gained"], entry["lost"]) == (0, 0)


@pytest.mark.usefixtures("first")
def test_a_tampered_champion_is_not_run(project, rebuild, perform, tmp_path):
    """Code that changed in the store since it was registered is never executed."""
    marker = tmp_path / "executed"
    (code,) = project.mlflow.rglob("served_model.py")
    code.write_text(code.read_text() + f"\nopen({str(marker)!r}, 'w').close()\n")
    rebuild(1, right=1.0)
    perform("publish", "register")
    with pytest.raises(DataError, match="differ"):
        judge(project, PARAMS)
    assert not marker.exists()


def test_a_model_must_be_registered_first(project, perform):
    """The error says how."""
    perform("publish")
    with pytest.raises(UsageError, match="thawline register"):
        judge(project, PARAMS)


@pytest.mark.usefixtures("first")
def test_a_champion_that_the_registry_lost_is_not_replaced(project, rebuild, perform):
    """Another model does not become champion because the store was wiped."""
    client(project).delete_registered_model("thawline")
    rebuild(1, right=1.0)
    sentences = perform(*ALL)
    assert "nothing is promoted by itself" in sentences[2]
    assert "thawline promote 1 --anyway" in sentences[2]
    assert "champion" not in aliases(project)


@pytest.mark.usefixtures("first")
def test_the_same_champion_gets_its_alias_back(project, perform):
    """A store that was wiped is filled again: by the ledger this very model is the champion."""
    client(project).delete_registered_model("thawline")
    perform(*ALL)
    assert aliases(project) == {"champion": 1}
    assert len(ledger.read(project, "verdict")) == 1
    perform(*ALL)
    assert len(ledger.read(project, "promoted")) == 1


def test_answers_are_kept_by_champion_and_images(project, first):
    """Other images, or another champion, are asked anew."""
    table = pd.read_parquet(project.build / "evaluate/predictions.parquet")
    same = champion.kept(project, first, table)
    assert champion.kept(project, first, table) == same
    assert champion.kept(project, "other", table) != same
    assert champion.kept(project, first, table.iloc[1:]) != same


def test_what_a_model_that_was_trained_on_forgot_stands_with_the_verdict(
    project, first, rebuild, perform, answers
):
    """Both on the test set of every version that is left, as far as its images still test."""
    files.write_yaml(project.data / "start.yaml", {"source": "champion", "weights": "ef" * 32})
    splits = project.build / "split" / "splits.parquet"
    whole = pd.read_parquet(splits)
    shrunk = whole[~whole["path"].str.startswith("red/test")]
    shrunk.to_parquet(splits)
    rebuild(1, right=0.75)
    answers(first, right=0.75)
    perform(*UP_TO_JUDGE)
    whole.to_parquet(splits)
    rebuild(2, right=1.0)
    answers(first, right=0.5)
    perform(*UP_TO_JUDGE)
    entry = ledger.last(project, "verdict", challenger=identity.model_digest(project))
    assert entry["earlier"] == [
        {"version": 2, "images": 24, "of": 24, "challenger_score": 1.0, "champion_score": 0.75},
        {"version": 1, "images": 36, "of": 36, "challenger_score": 1.0, "champion_score": 0.5},
    ]
    tags = client(project).get_model_version("thawline", "3").tags
    assert "'version': 2" in tags["thawline.verdict.earlier"]


def test_a_model_from_other_weights_is_not_asked_what_it_forgot(
    project, first, rebuild, perform, answers
):
    """It never knew what the champion knows."""
    rebuild(1, right=1.0)
    answers(first, right=0.5)
    perform(*UP_TO_JUDGE)
    assert ledger.last(project, "verdict")["earlier"] is None
