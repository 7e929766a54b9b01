"""Every broken rule of a parameter file is said, all together, before anything runs."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from components.augment import AugmentParams
from components.evaluate import EvaluateParams
from components.frame import files
from components.frame.errors import UsageError
from components.frame.params import RENAMED, check_params, load_params
from components.search import SearchParams
from components.train import TrainParams

ROOT = Path(__file__).parents[3]


@pytest.fixture
def search():
    return files.read_yaml(ROOT / "params" / "search.yaml")


def errors(model, values, tmp_path):
    with pytest.raises(UsageError) as caught:
        check_params(model, values, tmp_path / "search.yaml")
    return str(caught.value)


def test_all_errors_come_together(search, tmp_path):
    """A person fixes a file once, not line by line (FAULTS 41, 42)."""
    del search["seed"]
    text = errors(SearchParams, {**search, "max_trial": 3, "epochs": 0}, tmp_path)
    assert "max_trial is no parameter. Did you mean `max_trials`?" in text
    assert "epochs must be greater than or equal to 1, but is 0." in text
    assert "seed is missing" in text


@pytest.mark.parametrize(
    "change",
    [
        {"epochs": "three"},
        {"epochs": 2.5},
        {"epochs": True},
        {"batch_size": 0},
        {"weight_decay": -1e-3},
        {"weight_decay": float("nan")},
        {"weight_decay": float("inf")},
        {"learning_rate": {"low": 0, "high": 1e-2}},
        {"learning_rate": {"low": 1e-2, "high": 1e-4}},
        {"learning_rate": {"low": 1e-4}},
        {"freeze_depth": {"low": -1, "high": "head"}},
        {"freeze_depth": {"low": 1.5, "high": "head"}},
        {"freeze_depth": {"low": 0}},
        {"enqueue": [{"freeze_depth": 0, "learning_rate": 5.0}]},
        {"device": "gpu"},
        {"magnitude": 4},
    ],
)
def test_impossible_values_are_refused(search, tmp_path, change):
    """FAULTS 42 and 45: nothing is rounded, shrunk or guessed."""
    search["enqueue"] = []
    text = errors(SearchParams, {**search, **change}, tmp_path)
    assert next(iter(change)) in text


def test_old_names_are_refused_with_the_new_ones(search, tmp_path):
    """Each once, also in a list; nothing is called missing that stands there by its old name."""
    del search["freeze_depth"], search["confirmation_runs"]
    old = {"depth_from": 0, "depth_to": "head", "fresh_seeds": 1, "strength": 1}
    enqueue = [{"depth": "head", "learning_rate": 1e-2}, {"depth": 0, "learning_rate": 1e-3}]
    text = errors(SearchParams, {**search, **old, "enqueue": enqueue}, tmp_path)
    assert sorted(text.splitlines()) == [
        "params/search.yaml: `depth_from` is called `freeze_depth.low` now.",
        "params/search.yaml: `depth_to` is called `freeze_depth.high` now.",
        "params/search.yaml: `enqueue.depth` is called `enqueue.freeze_depth` now.",
        "params/search.yaml: `fresh_seeds` is called `confirmation_runs` now.",
        "params/search.yaml: `strength` is called `magnitude` now.",
    ]


@pytest.mark.parametrize("section", RENAMED)
def test_every_new_name_is_a_parameter(section):
    """A remedy that is refused in turn would be none."""
    for new in RENAMED[section].values():
        first, _, rest = new.partition(".")
        elsewhere = (ROOT / "params" / f"{first}.yaml").exists()
        values = files.read_yaml(ROOT / "params" / f"{first if elsewhere else section}.yaml")
        found = values if elsewhere else values[first]
        inner = found[0] if isinstance(found, list) else found
        assert not rest or rest in inner, new


def test_a_mistake_beside_an_old_name_is_told_too(tmp_path):
    """All errors come together."""
    values = {"task": "classification", "image_size": 4, "mirror": True, "preview_images": 1}
    with pytest.raises(UsageError) as caught:
        check_params(AugmentParams, values, tmp_path / "augment.yaml")
    assert "`mirror` is called `horizontal_flip` now." in str(caught.value)
    assert "image_size" in str(caught.value)
    assert "crop_fraction is missing" in str(caught.value)


@pytest.mark.parametrize("model", [TrainParams, EvaluateParams])
def test_empty_file_names_what_is_missing(tmp_path, model):
    """FAULTS 44: no default takes the place of a line that is gone."""
    path = tmp_path / "train.yaml"
    path.write_text("")
    with pytest.raises(UsageError) as caught:
        load_params(model, path)
    assert str(caught.value).count("is missing") == len(model.model_fields)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epochs: 1\nepochs: 2\n", "duplicate key"),
        ("epochs:\t1\n\tseed: 0\n", "valid YAML"),
        ("- 1\n- 2\n", "`key: value` lines"),
        ("epochs: [1\n", "valid YAML"),
        ("a: &a [x, x, x, x]\nb: &b [*a, *a, *a, *a]\nc: &c [*b, *b, *b, *b]\n", "aliases"),
        ("# " + "x" * 2**20 + "\n", "1 MB"),
        ("a: " + "[" * 600 + "]" * 600, "too deep"),
    ],
)
def test_strange_yaml_is_refused(tmp_path, text, message):
    """FAULTS 44: doubled keys, tabs, lists, alias bombs, huge files."""
    path = tmp_path / "train.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match=message):
        load_params(TrainParams, path)


def test_numbers_and_words_are_read_as_dvc_reads_them(tmp_path):
    """FAULTS 43: YAML 1.2 knows `1e-3` as a number and `no` as a word."""
    path = tmp_path / "x.yaml"
    path.write_text("rate: 1e-3\nclass: no\nother: on\n")
    assert files.read_yaml(path) == {"rate": 0.001, "class": "no", "other": "on"}


@pytest.mark.parametrize("stage", ["search", "train", "evaluate", "augment"])
def test_parameters_are_read_without_torch(stage):
    """A mistake in a file is told at once, before seconds of imports."""
    code = (
        f"import sys; from components.frame.stage import params_model, stage_function; "
        f"params_model(stage_function({stage!r})); "
        "print([m for m in ('torch', 'timm', 'optuna', 'pandas', 'cv2') if m in sys.modules])"
    )
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert time.monotonic() - started < 30


def test_a_value_of_several_types_breaks_one_rule():
    """No type that pydantic tried is named, and the values are not repeated."""
    values = files.read_yaml(ROOT / "params/augment.yaml")
    with pytest.raises(UsageError) as caught:
        check_params(AugmentParams, values | {"image_size": 7}, Path("augment.yaml"))
    rule = "image_size must be 'auto' or greater than or equal to 16, but is 7."
    assert str(caught.value) == f"params/augment.yaml: {rule}"
    values = files.read_yaml(ROOT / "params/search.yaml")
    rates = {"low": 1.0, "high": 0.1}
    with pytest.raises(UsageError) as caught:
        check_params(SearchParams, values | {"learning_rate": rates}, Path("search.yaml"))
    rule = "learning_rate `low <= high` must hold, but got low=1.0, high=0.1."
    assert str(caught.value) == f"params/search.yaml: {rule}"
