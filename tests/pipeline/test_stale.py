"""What a change makes stale, by DVC's own account; nothing is trained for it."""

import re
import shutil

import pytest

from components.frame import files
from components.frame.spec import spec

TRAINING = {"search", "train", "evaluate"}


@pytest.fixture(scope="module")
def settled(make_clone):
    """A clone whose outputs, of no content, DVC takes for built."""
    clone = make_clone("settled")
    for stage in files.read_yaml(clone.root / "dvc.yaml")["stages"]:
        for out in spec(stage, clone.root).outs:
            inside = "one" if not re.search(r"[.]\w+$", out) else ""
            files.write_text(clone.root / out / inside, f"{stage} {out}\n")
    done = clone.call("dvc", "commit", "--force", "--quiet")
    assert done.code == 0, done.output
    assert clone.stale() == set()
    return clone


@pytest.fixture
def clone(settled):
    """The same, whatever a test changes in it."""
    before = settled.root.with_name("before")
    shutil.copytree(settled.root, before, symlinks=True)
    yield settled
    shutil.rmtree(settled.root)
    before.rename(settled.root)


def replace(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_colour_makes_the_report_stale_and_nothing_else(clone):
    """Sixteen trials do not depend on how they are drawn."""
    replace(clone.root / "components/figures/palette.py", "#0072B2", "#0072B3")
    assert clone.stale() == {"report"}


def test_a_value_of_the_report_makes_it_stale_and_nothing_else(clone):
    """Neither does what it shows of the mistakes."""
    clone.change("report", mistakes=5)
    assert clone.stale() == {"report"}


def test_the_sheet_itself_makes_what_is_drawn_on_it_stale_and_no_training(clone):
    """The augmentation's preview is drawn by `augment`, whose other output stays as it is."""
    replace(clone.root / "components/figures/sheet.py", "#FDFDFC", "#FDFDFD")
    assert clone.stale() == {"augment", "report"}


def test_code_that_trains_makes_what_trains_stale(clone):
    """So the tests above would see it if a stage that trains depended on what they change."""
    with (clone.root / "components/training/fit.py").open("a") as file:
        file.write("# another\n")
    assert {"search", "train"} <= clone.stale()


def test_another_version_of_a_library_makes_stale_what_it_computes(clone):
    """And nothing else: Optuna picks trials, matplotlib draws."""
    replace(clone.root / "components/versions.yaml", 'optuna: "', 'optuna: "9.')
    assert clone.stale() == {"search"}
    replace(clone.root / "components/versions.yaml", 'torch: "', 'torch: "9.')
    assert clone.stale() == {"base", "augment", "search", "train", "evaluate", "report"}


def test_no_stage_that_trains_lists_a_figure(clone):
    """Nor takes a value from another's file."""
    for stage in TRAINING:
        described = spec(stage, clone.root)
        assert not [dep for dep in described.deps if "components/figures/" in dep]
        assert described.params == (f"params/{stage}.yaml",)
