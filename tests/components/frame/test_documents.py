"""A document is read as it was written, or refused with the key that is wrong."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import pytest

from components.frame.documents import Document
from components.frame.errors import DataError
from components.model.description import NetworkDescription, Origin
from components.training.recipe import Best, Setting


@dataclass(frozen=True, kw_only=True)
class Sizes(Document):
    comment: ClassVar[str] = "How large."

    name: str
    sides: tuple[int, ...]
    scale: float
    exact: bool


@dataclass(frozen=True, kw_only=True)
class Nested(Document):
    sizes: tuple[Sizes, ...]
    best: Sizes | None
    pair: tuple[int, int] | None
    weights: Mapping[str, float]


SIZES = Sizes(name="one", sides=(1, 2), scale=0.5, exact=True)
NESTED = Nested(sizes=(SIZES,), best=SIZES, pair=(1, 2), weights={"a": 0.5})
BEST = Best(
    layer="blocks.4",
    batch_size=32,
    setting=Setting(freeze_depth=5, learning_rate=1e-3, mixup=0.2),
)
NETWORK = NetworkDescription(
    architecture="resnet18",
    arguments={},
    task={"name": "classification", "classes": ["a", "b"]},
    transform={"size": 32, "resize": 32, "mean": [0.5] * 3, "std": [0.5] * 3},
    freeze_depth=3,
    layer="layer2",
    trained_fraction=0.9,
    learning_rate=1e-3,
    base=Origin(source="none", licence="none needed", sha256="0"),
)


@pytest.mark.parametrize("ending", [".json", ".yaml"])
@pytest.mark.parametrize("document", [SIZES, NESTED, BEST, NETWORK])
def test_what_was_written_is_read(document, ending, tmp_path):
    """Nested ones, tuples and numbers included, and in the same bytes again."""
    path = tmp_path / f"document{ending}"
    document.write(path)
    assert type(document).read(path) == document
    before = path.read_bytes()
    type(document).read(path).write(path)
    assert path.read_bytes() == before
    if ending == ".yaml" and document.comment:
        assert path.read_text().startswith(f"# {document.comment}\n")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"name": 3}, "name must be"),
        ({"scale": "half"}, "scale must be"),
        ({"exact": 1}, "exact must be"),
        ({"scale": True}, "scale must be"),
        ({"colour": "red"}, "differs in colour"),
        ({"name": None}, "name must be"),
        ({"scale": math.nan}, "scale must be float, but is nan"),
        ({"scale": math.inf}, "scale must be float, but is inf"),
        ({"sides": [1, "b"]}, "sides must be int, but is 'b'"),
        ({"sides": "12"}, "sides must be"),
        ({2: "b"}, "differs in 2"),
    ],
)
def test_wrong_content_is_refused_by_its_key(change, named):
    """With what is there, and what to do."""
    with pytest.raises(DataError, match=named) as refused:
        Sizes.from_dict(SIZES.to_dict() | change, "sizes.json")
    assert "sizes.json" in str(refused.value)
    assert "dvc repro" in str(refused.value)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"best": 1}, "best must be Sizes or NoneType, but is 1"),
        ({"pair": [1, 2, 3]}, "pair must be tuple"),
        ({"sizes": [{"name": "one"}]}, "sizes must hold name, sides, scale, exact"),
        ({"weights": {"a": "half"}}, "weights must be float"),
    ],
)
def test_wrong_content_is_refused_however_deep(change, named):
    """Within tuples, mappings and what may be missing."""
    with pytest.raises(DataError, match=named):
        Nested.from_dict(NESTED.to_dict() | change)
    assert Nested.from_dict(NESTED.to_dict() | {"best": None, "pair": None}).pair is None


@pytest.mark.parametrize("content", [b'{"name": ', b"", b"\xff\xfe", b"null", b"[]"])
def test_a_file_that_is_damaged_is_no_internal_error(content, tmp_path):
    """Torn, empty, no text, or something else."""
    path = tmp_path / "network.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"network\.json must .* run `dvc repro`"):
        NetworkDescription.read(path)


def test_missing_key_is_named(tmp_path):
    """Also a nested one."""
    content = BEST.to_dict()
    del content["setting"]["mixup"]
    with pytest.raises(DataError, match=r"setting must hold .* but differs in mixup"):
        Best.from_dict(content, "best.yaml")
    path = tmp_path / "best.yaml"
    path.write_text("- a list\n")
    with pytest.raises(DataError, match="must hold keys and values"):
        Best.read(path)


def test_whole_number_stands_for_a_float():
    """YAML and JSON write 1.0 as 1 at times; nothing else changes its type."""
    assert Sizes.from_dict(SIZES.to_dict() | {"scale": 1}).scale == 1


def test_network_of_an_earlier_thawline_is_understood():
    """Its classes stood at the top, and two keys had other names."""
    today = json.loads(json.dumps(NETWORK.to_dict()))
    before = {key: value for key, value in today.items() if key != "task"}
    before |= {"classes": ["a", "b"], "depth": before.pop("freeze_depth")}
    before["trained_share"] = before.pop("trained_fraction")
    assert NetworkDescription.from_dict(before) == NETWORK
    named = {"transform", "classes", "architecture", "arguments"}
    assert set(NETWORK.identity) == named, "a model keeps the digest that it was registered by"


def test_other_weights_of_the_task_are_another_model():
    """The identity holds the classes in their order."""
    other = replace(NETWORK, task={"name": "classification", "classes": ["b", "a"]})
    assert other.identity != NETWORK.identity
