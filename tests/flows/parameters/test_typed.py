"""A value means what its parameter's type says; a path begins where the person stands."""

import pytest

from components.frame import files
from flows.pipeline import overrides

TEXTS = ["2024", "007", "my #1 set", "~", "yes", "1e-3", "null", "true", "[a]", "a: b", " x"]


@pytest.mark.parametrize("text", TEXTS)
def test_text_stays_the_text(shipped, text):
    """No name is read as a number, a truth value, nothing, a list or a comment."""
    overrides.apply(shipped, [f"publish.experiment={text}"])
    assert files.read_yaml(shipped.params / "publish.yaml")["experiment"] == text


def test_only_null_unsets_what_may_be_nothing(shipped):
    """A pattern may be any text but that word."""
    for text, value in (("(~)", "(~)"), ("null", None), ("(1e-3)", "(1e-3)")):
        overrides.apply(shipped, [f"split.group_by={text}"])
        assert files.read_yaml(shipped.params / "split.yaml")["group_by"] == value


@pytest.mark.parametrize(
    ("value", "key", "read"),
    [
        ("search.weight_decay=1e-3", "weight_decay", 0.001),
        ("search.magnitude=[1, 2]", "magnitude", [1, 2]),
        ("search.max_minutes=null", "max_minutes", None),
        ("search.max_minutes=90", "max_minutes", 90),
        ("search.device=cpu", "device", "cpu"),
        ("search.freeze_depth.low=0.5", "freeze_depth", {"low": 0.5, "high": "head"}),
        ("search.freeze_depth.high=blocks.5", "freeze_depth", {"low": 0, "high": "blocks.5"}),
    ],
)
def test_numbers_and_lists_are_yaml(shipped, value, key, read):
    """As they stand in the files."""
    enqueue = "search.enqueue=[{freeze_depth: 1.0, learning_rate: 1e-2}]"
    overrides.apply(shipped, [value, enqueue] if "0.5" in value else [value])
    assert files.read_yaml(shipped.params / "search.yaml")[key] == read


def test_a_number_that_becomes_text_is_a_change(shipped):
    """`7` and `"7"` are not the same to whoever reads the file."""
    (shipped.params / "register.yaml").write_text("name: 7\n")
    overrides.apply(shipped, ["register.name=7"])
    assert files.read_yaml(shipped.params / "register.yaml")["name"] == "7"


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("images", "photos/images"),
        ("../images", "images"),
        ("../../outside", "{above}/outside"),
        ("~/home", "{above}/home"),
        ("{above}/project/images", "images"),
        ("./digits", "photos/digits"),
        ("../digits", "./digits"),
        ("digits", "digits"),
    ],
)
def test_a_path_is_relative_to_where_the_person_stands(
    shipped, tmp_path, monkeypatch, typed, written
):
    """In the file it is relative to the project, or whole where it lies outside."""
    above = tmp_path.resolve()
    monkeypatch.setenv("HOME", str(above))
    places = ("project/photos/images", "project/photos/digits", "project/images", "outside")
    for name in (*places, "home", "project/digits"):
        (above / name / "cat").mkdir(parents=True)
    start = shipped.root / "photos"
    overrides.apply(shipped, [f"ingest.source={typed.format(above=above)}"], start)
    source = files.read_yaml(shipped.params / "ingest.yaml")["source"]
    assert source == written.format(above=above)


def test_the_last_of_several_values_refuses_them_all(refused):
    """Nothing of what stands before it is written."""
    said = refused("split.test_fraction=0.1", "train.epochs=3", "search.max_trials=0")
    assert said == "params/search.yaml: max_trials must be greater than or equal to 1, but is 0."
