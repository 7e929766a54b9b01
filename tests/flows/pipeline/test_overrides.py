"""`--set` writes what a person means into `params/`, or nothing at all."""

import pytest

from components.frame import files
from components.frame.errors import UsageError
from flows.pipeline import overrides


def texts(project):
    return {path.name: path.read_text() for path in sorted(project.params.iterdir())}


def test_a_value_that_is_nested_too_deep_is_refused(toy):
    """And is shown in part."""
    with pytest.raises(UsageError, match="must be YAML") as caught:
        overrides.apply(toy, ["split.seed=" + "[" * 3000])
    assert len(str(caught.value)) < 500


def test_a_value_is_written_and_all_else_stays(toy):
    """Comments, order, and the spelling of other values are a person's own."""
    path = toy.params / "split.yaml"
    before = path.read_text()
    changes = overrides.apply(toy, ["split.test_fraction=0.25"])
    assert path.read_text() == before.replace("test_fraction: 0.2 ", "test_fraction: 0.25")
    assert [str(change) for change in changes] == ["params/split.yaml: test_fraction 0.2 -> 0.25"]


def test_several_values_of_several_files_are_written_together(toy, tmp_path):
    """The option may be given again and again; the last value of a key counts."""
    (tmp_path / "a b").mkdir()
    named = f"ingest.source={tmp_path / 'a b'}"
    overrides.apply(toy, ["split.val_fraction=0.1", named, "split.val_fraction=0.3"])
    assert files.read_yaml(toy.params / "split.yaml")["val_fraction"] == 0.3
    assert files.read_yaml(toy.params / "ingest.yaml")["source"] == str(tmp_path / "a b")


def test_a_nested_key_is_reached_by_dots(toy):
    """`search.learning_rate.low` is a key in a mapping; a number keeps the form it was typed in."""
    copy_params(toy, "search")
    path = toy.params / "search.yaml"
    path.write_text(path.read_text().replace("device: auto", 'device: "auto"'))
    before = path.read_text()
    overrides.apply(toy, ["search.learning_rate.low=3e-5"])
    assert path.read_text() == before.replace("low: auto", "low: 3e-5", 1)
    assert files.read_yaml(path)["learning_rate"]["low"] == 3e-5


def test_values_are_read_as_dvc_reads_them(toy):
    """YAML 1.2: `1e-1` is a number here."""
    overrides.apply(toy, ["split.test_fraction=1e-1"])
    assert files.read_yaml(toy.params / "split.yaml")["test_fraction"] == 0.1


def test_an_old_name_is_refused_with_the_new_one(toy):
    """What a person typed for years is told how it is called now, and nothing is written."""
    copy_params(toy, "search")
    before = texts(toy)
    with pytest.raises(UsageError, match="`strength` is called `magnitude` now"):
        overrides.apply(toy, ["search.strength=2"])
    assert texts(toy) == before


def test_one_wrong_value_keeps_all_from_being_written(toy):
    """All or nothing, and every error at once, with what may have been meant."""
    before = texts(toy)
    wrong = ["split.test_fraction=0.1", "split.val_fraktion=0.1", "splitt.seed=1", "ingest.source"]
    with pytest.raises(UsageError) as error:
        overrides.apply(toy, wrong)
    said = str(error.value)
    assert "val_fraktion is no parameter. Did you mean `val_fraction`?" in said
    assert "Did you mean 'split'?" in said
    assert "STAGE.KEY=VALUE" in said
    assert texts(toy) == before


@pytest.mark.parametrize(
    "wrong",
    [
        "split.test_fraction=many",
        "split.test_fraction=1.5",
        "split.test_fraction=.nan",
        "split.test_fraction=-.inf",
        "split.test_fraction=",
        "split.test_fraction=[0.1",
        "split.test_fraction.deeper=1",
        "ingest.max_unpacked_gib=yes",
        "ingest.source=",
        "split.group_by=([",
        "split.group_by=no group",
    ],
)
def test_an_impossible_value_is_refused(toy, wrong):
    """Wrong type, out of range, no number, no YAML: named, and nothing is written."""
    before = texts(toy)
    with pytest.raises(UsageError, match=r"test_fraction|max_unpacked_gib|source|group_by"):
        overrides.apply(toy, [wrong])
    assert texts(toy) == before


def test_an_override_is_refused_while_another_file_is_wrong(toy):
    """The run would stop at that file: so nothing is written either."""
    (toy.params / "base.yaml").write_text("source: package\n")
    before = texts(toy)
    with pytest.raises(UsageError, match=r"base\.yaml: architecture is missing"):
        overrides.apply(toy, ["split.test_fraction=0.1"])
    assert texts(toy) == before


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("test_fraction: 0.2\ntest_fraction: 0.3\n", "duplicate key"),
        ("test_fraction:\t0.2\n\tx: 1\n", "valid YAML"),
        ("", "test_fraction is missing"),
        ("- 1\n- 2\n", "key: value"),
        ("test_fraction: [\n", "valid YAML"),
        ("lr: 1\n", "lr is no parameter"),
        ("a: &a [1]\nb: [*a, *a]\n", "aliases"),
        ("#" * 10_000_000, "below 1 MB"),
    ],
    ids=["doubled key", "tabs", "empty", "list", "torn", "unknown key", "aliases", "huge"],
)
def test_a_broken_file_is_named_with_its_rule(toy, content, words):
    """Before DVC is asked: one sentence, no traceback."""
    (toy.params / "split.yaml").write_text(content)
    with pytest.raises(UsageError, match=words):
        overrides.check_all(toy)


def test_a_missing_file_is_named(toy):
    """A stage without its parameters is no stage with defaults."""
    (toy.params / "split.yaml").unlink()
    with pytest.raises(UsageError, match=r"split\.yaml is missing"):
        overrides.check_all(toy)


def test_a_file_of_nothing_is_named(toy):
    """A mistyped file name would otherwise set nothing, silently."""
    (toy.params / "spilt.yaml").write_text("seed: 1\n")
    with pytest.raises(UsageError, match=r"params/spilt\.yaml belongs to no stage and no action"):
        overrides.check_all(toy)


def test_an_action_has_parameters_too(toy):
    """`register.name` is set like a stage's value."""
    copy_params(toy, "register")
    overrides.apply(toy, ["register.name=flowers"])
    assert files.read_yaml(toy.params / "register.yaml")["name"] == "flowers"


def copy_params(toy, name):
    """Give the toy project another parameter file, and the stage where it is one."""
    from pathlib import Path

    text = (Path(__file__).parents[3] / "params" / f"{name}.yaml").read_text()
    (toy.params / f"{name}.yaml").write_text(text)
    if name == "search":
        pipeline = toy.pipeline.read_text()
        toy.pipeline.write_text(f"{pipeline}  search:\n    cmd: python search.py\n")
