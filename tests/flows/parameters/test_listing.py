"""Every parameter is listed with its value, default, range and meaning, from one place."""

import json

import pytest

from components.frame import files
from components.frame.errors import UsageError
from flows.parameters import listing
from flows.parameters import shipped as shipped_files
from flows.parameters.sections import file_of, model_of, sections
from flows.pipeline import overrides


def test_files_are_shipped_as_the_models_say(shipped):
    """Default and meaning have one home; renew: python -m flows.parameters.shipped."""
    for section in sections(shipped):
        text = shipped_files.text(section, model_of(shipped, section))
        assert file_of(shipped, section).read_text() == text
        assert max(map(len, text.splitlines())) <= 100


def test_every_parameter_is_explained(shipped):
    """None without a range and a sentence of its own."""
    found = listing.parameters(shipped)
    assert len(found) > 50
    for one in found:
        assert one.range, one
        assert one.meaning.endswith("."), one
        assert not one.changed


def test_what_differs_is_marked(shipped):
    """A star before it, the default beside it, and how many there are."""
    overrides.apply(shipped, ["train.epochs=20", "search.magnitude=[1, 2]"])
    text = listing.screen(shipped, listing.parameters(shipped))
    assert "\n* epochs                   20  (default 24)\n" in text
    assert "\n* magnitude                [1, 2]  (default 1)\n" in text
    assert "* differs from the default: 2 of " in text
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize(
    ("key", "range_"),
    [
        ("search.strategy", "staged | tpe | baseline"),
        ("search.max_minutes", "above 0 | null"),
        ("search.max_trials", "1 or more"),
        ("search.magnitude", "0 to 3, or a list to choose among"),
        (
            "search.enqueue",
            "a list of {freeze_depth, learning_rate, head_start, batch_norm, layer_decay}",
        ),
        ("augment.image_size", "auto | 16 to 2048"),
        ("augment.crop_fraction", "above 0.5, up to 1"),
        ("augment.horizontal_flip", "auto | true | false"),
        ("split.group_by", "text | null"),
        ("ingest.source", "digits | a path"),
        ("register.name", "text"),
    ],
)
def test_a_range_is_in_words(shipped, key, range_):
    """What pydantic checks is what a person reads."""
    found = {one.key: one.range for one in listing.parameters(shipped, key)}
    assert found[key] == range_


@pytest.mark.parametrize(
    ("pattern", "number"), [("train.", 11), ("*.seed", 3), ("learning_rate", 2), ("judge.alpha", 1)]
)
def test_a_pattern_chooses(shipped, pattern, number):
    """A part of the name, or a glob."""
    assert len(listing.parameters(shipped, pattern)) == number


def test_an_unknown_name_is_told_with_a_near_one(shipped):
    """Nobody reads the whole list for a slip."""
    with pytest.raises(UsageError, match=r"Did you mean 'search.max_trials'\?"):
        listing.parameters(shipped, "search.max_trails")


def test_programs_get_json(shipped):
    """With the values as they are, numbers as numbers."""
    rows = json.loads(listing.as_json(listing.parameters(shipped, "search.enqueue")))
    assert rows[0]["value"][0] == {"freeze_depth": "head", "learning_rate": 0.01}
    assert rows[0]["changed"] is False


def test_a_reset_gives_the_shipped_file_back(shipped):
    """One parameter, a mapping, or all of a stage."""
    before = {path: path.read_text() for path in shipped.params.iterdir()}
    values = ["search.epochs=3", "search.enqueue=[]", "search.learning_rate.low=1e-5"]
    overrides.apply(shipped, [*values, "search.layer_decay=[1.0, 0.7]"])
    overrides.reset(shipped, ["search.epochs", "search.learning_rate"])
    assert files.read_yaml(shipped.params / "search.yaml")["enqueue"] == []
    changes = overrides.reset(shipped, ["search"])
    assert "params/search.yaml: layer_decay [1.0, 0.7] -> 1.0" in [str(one) for one in changes]
    was = {path: files.read_yaml(path) for path in before}
    for path, text in before.items():
        path.write_text(text)
    assert was == {path: files.read_yaml(path) for path in before}


@pytest.mark.parametrize("name", ["search.epoch", "serch", "search.seed.x"])
def test_an_unknown_name_resets_nothing(shipped, name):
    """And says what may have been meant."""
    overrides.apply(shipped, ["search.epochs=3"])
    with pytest.raises(UsageError, match="--reset"):
        overrides.reset(shipped, ["search.epochs", name])
    assert files.read_yaml(shipped.params / "search.yaml")["epochs"] == 3


def test_a_reset_that_leaves_another_void_is_refused(shipped):
    """As any other value: nothing is written."""
    overrides.apply(shipped, ["train.epochs=30", "train.patience=28"])
    with pytest.raises(UsageError, match=r"train\.patience"):
        overrides.reset(shipped, ["train.epochs"])
    assert files.read_yaml(shipped.params / "train.yaml")["epochs"] == 30
