"""What is in force is shown with what it stands for and where it comes from."""

import json

import pytest

from components.frame import files
from components.frame.events import Events
from flows.parameters import effort, listing, resolved
from flows.parameters.effort import EFFORTS
from flows.pipeline import overrides


@pytest.fixture
def rows(shipped):
    """By name, as programs get them."""

    def ask():
        found = json.loads(resolved.as_json(shipped, listing.parameters(shipped)))
        return {row.pop("key"): row for row in found}

    return ask


def test_every_value_has_an_origin(shipped, rows):
    """A default, a person, or an effort."""
    overrides.apply(shipped, ["search.seed=3", *overrides.as_texts(EFFORTS["quick"])])
    effort.remember(shipped, "effort quick", EFFORTS["quick"])
    found = rows()
    assert found["train.seed"]["from"] == "default"
    assert found["search.seed"]["from"] == "set by you"
    assert found["train.epochs"] == {
        "value": 12,
        "from": "effort quick",
        "resolved": None,
        "by": "",
    }


def test_what_auto_became_is_told_with_the_file_that_says_so(shipped, rows):
    """Before the stage ran it is open."""
    assert rows()["augment.image_size"]["by"] == "open until `augment` has run"
    path = shipped.build / "augment" / "augmentation.json"
    files.write_json(path, {"evaluation": {"size": 96}})
    files.write_json(shipped.build / "base" / "config.json", {"architecture": "resnet18"})
    folder = shipped.private / "work" / "train"
    files.write_text(folder / "current", "one\n")
    Events(folder / "one" / "events.jsonl").emit("device", device="cuda", precision="bfloat16")
    files.write_text(
        shipped.build / "search" / "freeze_depths.csv", "freeze_depth,layer\n0,stem\n8,fc\n"
    )
    found = rows()
    assert found["augment.image_size"]["resolved"] == 96
    assert found["augment.image_size"]["by"] == "build/augment/augmentation.json"
    assert found["base.architecture"]["resolved"] == "resnet18"
    assert found["train.device"]["resolved"] == "cuda"
    assert found["search.device"]["resolved"] is None
    assert found["search.freeze_depth.high"]["resolved"] == "8 (fc)"
    assert found["search.freeze_depth.low"]["resolved"] is None


def test_the_batch_that_fits_is_told(shipped, rows):
    """As the search wrote it down for the final training."""
    overrides.apply(shipped, ["search.batch_size=auto"])
    assert rows()["search.batch_size"]["by"] == "open until `search` has run"
    files.write_yaml(shipped.build / "search" / "best.yaml", {"batch_size": 128})
    assert rows()["search.batch_size"]["resolved"] == 128


def test_a_value_that_was_named_stands_for_itself(shipped, rows):
    """Whatever a stage made of another one before."""
    overrides.apply(shipped, ["augment.image_size=64"])
    path = shipped.build / "augment" / "augmentation.json"
    files.write_json(path, {"evaluation": {"size": 96}})
    assert rows()["augment.image_size"]["resolved"] is None


def test_the_screen_has_a_line_for_each(shipped):
    """With the arrow where something became of it."""
    path = shipped.build / "augment" / "augmentation.json"
    files.write_json(path, {"evaluation": {"size": 96}})
    text = resolved.screen(shipped, listing.parameters(shipped, "augment.image_size"))
    assert "auto -> 96  (default; build/augment/augmentation.json)" in text
    assert "augment.image_size_limit  null  (default)" in text
