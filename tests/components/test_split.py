"""Splits are stable, apart and near their fractions."""

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from components.frame import files
from components.frame.errors import DataError, UsageError
from components.frame.params import check_params
from components.split import SplitParams, split


def table(counts, *, start=0, subset=None):
    rows = [
        {
            "path": f"{name}/{number:05}.png",
            "class": name,
            "sha256": hashlib.sha256(f"{name}{number}".encode()).hexdigest(),
        }
        for name, count in counts.items()
        for number in range(start, start + count)
    ]
    return pd.DataFrame(rows).assign(subset=pd.array([subset] * len(rows), dtype="string"))


def splits_of(tmp_path, images, **params):
    given_params = {"test_fraction": 0.2, "val_fraction": 0.2, "group_by": None, **params}
    source, target = tmp_path / "images.parquet", tmp_path / "splits.parquet"
    images.to_parquet(source, index=False)
    split(
        check_params(SplitParams, given_params, Path("params/split.yaml")),
        images=source,
        splits=target,
        fractions=tmp_path / "fractions.json",
    )
    return pd.read_parquet(target).set_index("path")["split"]


def split_of_content(folder, images):
    """The split of each content, whatever its file is called; no class was too small."""
    found = splits_of(folder, images)
    assert files.read_json(folder / "fractions.json")["too_small_for_their_fraction"] == []
    return found.set_axis(images.set_index("path").loc[found.index, "sha256"])


@pytest.mark.parametrize(("first", "more"), [(40, 1), (40, 200), (150, 37), (200, 200)])
def test_no_image_changes_splits_as_the_data_grows(tmp_path, first, more):
    """A test image of yesterday is never trained on tomorrow, whatever its file is called then."""
    before = split_of_content(tmp_path, table({"a": first, "b": first}))
    grown = table({"a": first + more, "b": first, "c": more + 40})
    grown["path"] = grown["path"].str.replace("/", "/renamed-")
    after = split_of_content(tmp_path, grown)
    assert (after[before.index] == before).all()


def test_fractions_are_near_what_was_asked(tmp_path):
    """5,000 images a class: within three standard errors."""
    found = splits_of(tmp_path, table({"a": 5000, "b": 5000}), test_fraction=0.3, val_fraction=0.1)
    fractions = found.value_counts(normalize=True)
    for part, fraction in {"test": 0.3, "val": 0.1, "train": 0.6}.items():
        assert abs(fractions[part] - fraction) < 3 * np.sqrt(fraction * (1 - fraction) / 10_000)


@pytest.mark.parametrize("count", [3, 4, 5, 9])
def test_small_class_has_an_image_in_each_split_and_is_named(tmp_path, count, capsys):
    """Nothing can be measured on a class that a split lacks."""
    found = splits_of(tmp_path, table({"big": 400, "small": count}))
    assert set(found[found.index.str.startswith("small")]) == {"train", "val", "test"}
    assert "big" not in capsys.readouterr().out


def test_fractions_are_told_as_they_came_out(tmp_path):
    """Of all images, and the number of each class."""
    found = splits_of(tmp_path, table({"a": 300, "b": 100}))
    told = files.read_json(tmp_path / "fractions.json")
    of_b = found[found.index.str.startswith("b")]
    for part in ("train", "val", "test"):
        assert told["fractions"][part] == pytest.approx((found == part).mean(), abs=1e-4)
        assert told["classes"]["b"][part] == (of_b == part).sum()


def test_groups_stay_together(tmp_path):
    """Two images of one person never stand in two splits."""
    images = table({"a": 60, "b": 60})
    people = images["path"].str.extract(r"(\d\d)\d\.png")[0]
    found = splits_of(tmp_path, images, group_by=r"(\d\d)\d\.png$")
    by_person = found.groupby(people.to_numpy()).nunique()
    assert (by_person == 1).all()


def test_a_group_is_moved_whole_into_a_split_that_a_small_class_lacks(tmp_path):
    """People who are in both classes: whoever is moved for the small one takes along the others."""
    images = table({"big": 400, "small": 40})
    people = images["path"].str.extract(r"(\d\d)\d\.png")[0]
    found = splits_of(tmp_path, images, group_by=r"(\d\d)\d\.png$")
    fractions = files.read_json(tmp_path / "fractions.json")
    assert fractions["too_small_for_their_fraction"] == ["small"]
    assert set(found[found.index.str.startswith("small")]) == {"train", "val", "test"}
    by_person = found.groupby(people.to_numpy()).nunique()
    assert len(by_person) == 40
    assert (by_person == 1).all()


def test_group_on_two_brought_sides_is_refused(tmp_path):
    """The source's own split contradicts the groups."""
    images = pd.concat([table({"a": 20}, subset="train"), table({"b": 20}, subset="test")])
    with pytest.raises(DataError, match="one split of those that the source brought"):
        splits_of(tmp_path, images, group_by=r"(\d+)\.png$")


@pytest.mark.parametrize("pattern", ["(", "nothing", r"(x)\.png$"])
def test_pattern_that_fits_no_name_is_refused(tmp_path, pattern):
    """A group that matches nothing would silently be one big group."""
    with pytest.raises(UsageError, match="group_by"):
        splits_of(tmp_path, table({"a": 20}), group_by=pattern)


def test_brought_sides_stay_and_missing_ones_come_from_train(tmp_path):
    """`test` as the source has it, `val` drawn from `train`."""
    brought = pd.concat(
        [
            table({"a": 100, "b": 100}, subset="train"),
            table({"a": 20, "b": 20}, start=500, subset="test"),
        ]
    )
    found = splits_of(tmp_path, brought)
    late = found.index.str.contains("/005")
    assert (found[late] == "test").all()
    assert set(found[~late]) == {"train", "val"}


@pytest.mark.parametrize(
    "pair",
    [
        ("Circle", "circle"),
        ("caf\u00e9", "cafe\u0301"),
        ("a  b", "a b"),
        ("Stra\u00dfe", "STRASSE"),
        ("cat", "cat\u200b"),
        ("big cat", "big\u00a0cat"),
    ],
    ids=["case", "accents", "blanks", "sharp s", "no width", "no break"],
)
def test_classes_that_look_alike_are_refused(tmp_path, pair):
    """They would be learnt as two, and each be wrong for the other."""
    with pytest.raises(DataError, match="must differ in more than case, blanks or the form"):
        splits_of(tmp_path, table({pair[0]: 20, pair[1]: 20, "other": 20}))


def test_a_class_without_an_image_to_train_on_is_refused(tmp_path):
    """Whatever the splits that the source brought; the near name is told."""
    images = pd.concat(
        [
            table({"circle": 20, "square": 20}, subset="train"),
            table({"circles": 8, "square": 8}, start=50, subset="val"),
            table({"circles": 8, "square": 8}, start=80, subset="test"),
        ]
    )
    with pytest.raises(DataError, match=r"'circles' has them in test and val alone\. Is 'circle'"):
        splits_of(tmp_path, images)


def test_images_of_a_brought_split_are_never_moved(tmp_path):
    """Small classes whose test images are many have their validation image from the others."""
    small = dict.fromkeys("abcdef", 2)
    brought = [
        table(small, subset="train"),
        table(dict.fromkeys(small, 9), start=50, subset="test"),
        table({"large": 40}, subset="train"),
    ]
    found = splits_of(tmp_path, pd.concat(brought))
    assert (found[found.index.str.contains("/0005")] == "test").all()
    for name in small:
        assert set(found[found.index.str.startswith(f"{name}/0000")]) == {"train", "val"}


def test_a_brought_split_that_is_written_into_is_said(tmp_path, capsys):
    """It lacks a class, which needs an image there to be judged by."""
    images = pd.concat(
        [
            table({"circle": 20, "cross": 20}, subset="train"),
            table({"circle": 8}, start=50, subset="val"),
            table({"circle": 8, "cross": 8}, start=80, subset="test"),
        ]
    )
    split_of = splits_of(tmp_path, images)
    assert (split_of[[path.startswith("cross") for path in split_of.index]] == "val").sum() == 1
    said = capsys.readouterr().out
    assert "the val split that the source brought is written into: 1 images more" in said
    assert "the test split" not in said


@pytest.mark.parametrize(("small", "said"), [(400, ""), (200, ""), (40, "imbalanced")])
def test_imbalance_is_said_with_what_to_try(tmp_path, small, said, capsys):
    """From three times as many images to train on."""
    splits = splits_of(tmp_path, table({"big": 400, "small": small}))
    out = capsys.readouterr().out
    assert ("classes are imbalanced" in out) is bool(said)
    if said:
        trained = splits[splits == "train"].index.str.startswith("small").sum()
        assert f"from {trained:,} images to train on ('small') up to" in out
        assert "--set search.class_weights=balanced" in out
