"""A package is loaded from the store before it is judged, and answers as `evaluate` did."""

import shutil
import signal
from pathlib import Path

import pytest
from registry import aliases, client

from components.evaluate import EvaluateParams, evaluate
from components.frame.errors import GateRefusedError, UnreachableError
from components.frame.spec import spec
from flows.actions import action
from flows.actions.judge import JudgeParams, judge
from flows.actions.promote import promote
from flows.gate import package
from flows.records import ledger
from flows.registry import packing, versions
from flows.serving import worker
from flows.tracking import stores

ROOT = Path(__file__).parents[3]
PARAMS = JudgeParams(alpha=0.05)


@pytest.fixture(scope="module")
def predictions(template, tmp_path_factory):
    """What `evaluate` says of the template's network."""
    place = tmp_path_factory.mktemp("evaluate")
    outs = [place / Path(out).name for out in spec("evaluate", ROOT).outs]
    evaluate(
        EvaluateParams(confidence_level=0.95, batch_size=64, device="cpu"),
        splits=template / "build/split/splits.parquet",
        raw=template / "data/raw",
        weights=template / "build/train/weights.safetensors",
        network=template / "build/train/network.json",
        **{path.stem: path for path in outs},
    )
    return place / "predictions.parquet"


@pytest.fixture
def evaluated(project, predictions):
    """A project whose predictions are those of its network, with nothing registered yet."""
    shutil.copy(predictions, project.build / "evaluate" / "predictions.parquet")
    return project


@pytest.fixture
def registered(evaluated):
    """The same with its model as version 1."""
    for name in ("publish", "register"):
        action.perform(evaluated, name)
    return evaluated


@pytest.fixture
def code(monkeypatch, tmp_path):
    """Have packages hold the served code with a line more where it loads the network."""

    def change(line):
        path = tmp_path / packing.CODE.name
        text, place = packing.CODE.read_text(), "        network = NetworkDescription.read("
        assert place in text
        path.write_text(text.replace(place, f"        {line}\n{place}"))
        monkeypatch.setattr(packing, "CODE", path)

    return change


@pytest.fixture
def unasked(monkeypatch):
    """Let no package be loaded."""

    def refuse(*_, **__):
        raise AssertionError

    monkeypatch.setattr(worker, "running", refuse)


def refused(project):
    """Judge a version that stays out; the sentence."""
    with pytest.raises(GateRefusedError) as caught:
        judge(project, PARAMS)
    assert aliases(project) == {}
    assert not ledger.read(project, "promoted")
    assert ledger.last(project, "verdict")["refused"]
    return str(caught.value)


def weights_of(project):
    (path,) = project.mlflow.rglob("artifacts/weights.safetensors")
    return path


def test_a_good_package_passes_and_is_asked_once(registered, request):
    """Loaded in a process of its own; the ledger keeps that it answered, and for how many."""
    assert judge(registered, PARAMS).promote
    (entry,) = ledger.read(registered, "answered")
    assert (entry["version"], entry["images"]) == (1, 8)
    request.getfixturevalue("unasked")
    before = registered.ledger.read_text()
    judge(registered, PARAMS)
    assert registered.ledger.read_text() == before


def test_swapped_weights_stay_out_until_they_are_put_right(registered):
    """No alias, the reason in the ledger and on the version; and no verdict once it answers."""
    path = weights_of(registered)
    good = path.read_bytes()
    path.write_bytes(good[:-4] + b"\0\0\0\1")
    sentence = refused(registered)
    assert "its files in the store differ" in sentence
    assert "thawline run" in sentence
    tags = client(registered).get_model_version("thawline", "1").tags
    assert tags["thawline.verdict.refused"] == "True"
    assert "files in the store differ" in tags["thawline.verdict.reason"]
    action.perform(registered, "register")
    assert aliases(registered) == {}
    with pytest.raises(GateRefusedError, match="files in the store differ"):
        promote(registered, version=1)
    path.write_bytes(good)
    assert judge(registered, PARAMS).promote
    assert promote(registered).changed
    assert aliases(registered) == {"champion": 1}


def test_broken_code_stays_out_and_a_new_package_is_made_of_a_deleted_version(
    evaluated, code, monkeypatch
):
    """The child's last words are told; when the fault is gone the model is packed anew."""
    code("raise ValueError('no such luck')")
    for name in ("publish", "register"):
        action.perform(evaluated, name)
    assert "no such luck" in refused(evaluated)
    monkeypatch.setattr(packing, "CODE", ROOT / "flows/registry/served_model.py")
    client(evaluated).delete_model_version("thawline", "1")
    action.perform(evaluated, "register")
    assert judge(evaluated, PARAMS).promote
    assert aliases(evaluated) == {"challenger": 2}


def test_a_package_that_hangs_stays_out(evaluated, code, monkeypatch):
    """It is ended."""
    monkeypatch.setattr(package, "PATIENCE", 15.0)
    code("import time; time.sleep(600)")
    for name in ("publish", "register"):
        action.perform(evaluated, name)
    assert "did not answer within 15 seconds" in refused(evaluated)


@pytest.mark.usefixtures("unasked")
def test_a_person_may_overrule_a_refusal(registered):
    """The word against the gate holds for a package, too, and the ledger keeps it."""
    weights_of(registered).write_bytes(b"")
    refused(registered)
    assert promote(registered, version=1, anyway=True).changed
    assert ledger.last(registered, "promoted")["why"] == "a person, against the gate"


def test_a_process_that_is_ended_from_without_is_no_verdict(registered, monkeypatch, tmp_path):
    """Memory ran out: the action stays pending, the alias stays."""
    child = tmp_path / "child.py"
    child.write_text(f"import os; os.kill(os.getpid(), {int(signal.SIGKILL)})")
    monkeypatch.setattr(worker, "CHILD", child)
    with pytest.raises(UnreachableError, match="ended"):
        judge(registered, PARAMS)
    assert not ledger.read(registered, "verdict")
    assert aliases(registered) == {"challenger": 1}


@pytest.mark.usefixtures("unasked")
def test_a_store_out_of_reach_is_no_verdict(registered):
    """The action stays pending, the alias stays."""
    folder = weights_of(registered).parents[1]
    folder.rename(folder.with_name("away"))
    with pytest.raises(UnreachableError, match="holds none"):
        judge(registered, PARAMS)
    assert not ledger.read(registered, "verdict")
    assert aliases(registered) == {"challenger": 1}


def test_a_package_that_answers_of_fewer_images_or_no_json_stays_out(
    registered, monkeypatch, tmp_path
):
    """As nobody would write it, so that nothing of it is an internal error."""
    child = tmp_path / "child.py"
    monkeypatch.setattr(worker, "CHILD", child)
    for line, told in (("[]", "answers for 0 of 8 images"), ("{", "no JSON")):
        child.write_text(f"import sys; print('[]', flush=True); input(); print({line!r})")
        assert told in refused(registered)


@pytest.mark.parametrize(("off", "passes"), [(5e-6, True), (2e-5, False)])
def test_answers_may_differ_as_float32_rounds(evaluated, off, passes):
    """A number of any image and class; on a GPU `evaluate` rounds, and more is granted."""
    kept = package._sample(evaluated)
    assert len(kept) == 8
    assert kept["true"].nunique() == 3
    task = package.Outputs(evaluated).task
    served = task.served(task.recalled(kept)).astype({"probability_red": float})
    served.loc[5, "probability_red"] += off
    found = package._difference(evaluated, kept, served)
    assert (found is None) is passes
    assert passes or kept["path"][5] in found


def test_another_answer_is_told(evaluated):
    """Another class, no number, other columns."""
    kept = package._sample(evaluated)
    task = package.Outputs(evaluated).task
    served = task.served(task.recalled(kept)).astype({"probability_red": float})
    wrong = served.assign(**{"class": served["class"].map(lambda name: f"not {name}")})
    assert "It answers class not " in package._difference(evaluated, kept, wrong)
    nothing = served.assign(probability_red=float("nan"))
    assert "It answers probability_red nan" in package._difference(evaluated, kept, nothing)
    fewer = served.drop(columns="probability_red")
    assert "instead of class, " in package._difference(evaluated, kept, fewer)


def test_what_decides_how_a_package_is_loaded_is_checked(registered):
    """Its `MLmodel`, whatever else stands in it; its environment; a file more or less."""
    folder = weights_of(registered).parents[1]
    store = stores.look(registered)
    version = versions.find(store, versions.parse("thawline/1"))
    known = versions.fingerprint(registered, version)
    versions.check(folder, version, known)
    text = (folder / "MLmodel").read_text()
    for old, new, told in (
        ("code: code", "code: code\n    data: /elsewhere", "data"),
        ("code: code", "code: ../elsewhere", "code"),
        ("streamable: false", "streamable: false\n    predict_fn: evil", "predict_fn"),
        ("loaders.code_model", "model", "loader_module"),
        ("path: artifacts/weights", "path: ../weights", "artifacts"),
        ("flavors:", "flavors:\n  sklearn: {}", "flavors"),
        ("conda.yaml", "../conda.yaml", "env"),
        ("flavors:", "[", "cannot be read"),
        ("run_id", "run_ids", "differ"),
    ):
        assert old in text
        (folder / "MLmodel").write_text(text.replace(old, new))
        with pytest.raises(versions.DataError, match=told):
            versions.check(folder, version, known)
    (folder / "MLmodel").unlink()
    with pytest.raises(versions.DataError, match="cannot be read"):
        versions.check(folder, version, known)
    (folder / "MLmodel").write_text(text)
    (folder / "python_env.yaml").write_text("python: 2.7\n")
    with pytest.raises(versions.DataError, match="differ"):
        versions.check(folder, version, known)
