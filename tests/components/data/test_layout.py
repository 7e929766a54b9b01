"""Classes and splits are read off names, and what could be either is refused."""

import pytest

from components.data.layout import imageless, places
from components.frame.errors import DataError


@pytest.mark.parametrize(
    ("train", "other", "split"),
    [
        ("Training", "Testing", "test"),
        ("TRAIN", "Test", "test"),
        ("train", "valid", "val"),
        ("training", "Validation", "val"),
        ("train", "dev", "val"),
    ],
)
@pytest.mark.parametrize("around", ["", "set/"])
def test_folders_named_like_splits_are_splits(train, other, split, around):
    """In any case, by any of their usual names, and in a folder around them."""
    names = [f"{around}{side}/{name}/1.png" for side in (train, other) for name in ("cat", "dog")]
    found = places(names)
    assert {(place.label, place.subset) for place in found.values()} == {
        (name, subset) for name in ("cat", "dog") for subset in ("train", split)
    }


@pytest.mark.parametrize(
    "tops",
    [
        ("training_set", "test_set"),
        ("trainA", "testA"),
        ("train2017", "val2017"),
        ("TrainSet", "Eval"),
        ("trainset", "testset"),
        ("seg_train", "seg_test", "seg_pred"),
        ("train", "test_images"),
        ("train", "test", "bird"),
        ("my-test-data", "my-validation-data"),
    ],
)
def test_what_may_be_splits_or_classes_is_refused(tops):
    """In a sentence that names both readings; never taken for classes."""
    names = [f"{top}/{name}/1.png" for top in tops for name in ("cat", "dog")]
    with pytest.raises(DataError, match=r"either splits or classes, but .* read as splits"):
        places(names)


@pytest.mark.parametrize("other", ["unlabelled", "holdout", "extra", "bird"])
def test_a_split_beside_what_is_none_is_refused(other):
    """It would be a class that holds all the others."""
    names = [f"{top}/{name}/1.png" for top in ("Train", other) for name in ("cat", "dog")]
    with pytest.raises(DataError, match="'Train' reads as a split of the classes in it"):
        places(names)
    assert len(places(f"{top}/1.png" for top in ("train", other))) == 2


@pytest.mark.parametrize(
    "tops",
    [
        ("train", "bus", "car"),
        ("test tube", "test strip"),
        ("valley", "trainers", "testament"),
        ("validated", "trained", "tested"),
        ("device", "devil", "intestine"),
    ],
)
def test_classes_are_not_taken_for_splits(tops):
    """One word that could be a split, or words that merely begin so."""
    assert {place.label for place in places(f"{top}/1.png" for top in tops).values()} == set(tops)


def test_splits_without_one_to_train_on_are_refused():
    """Or they are classes."""
    with pytest.raises(DataError, match=r"needs a folder `train`.* or if these are classes"):
        places(["Testing/cat/1.png", "Validation/cat/1.png"])


def test_splits_inside_the_classes_are_refused():
    """They would be mixed, and test images be trained on."""
    names = [f"{name}/{split}/1.png" for name in ("cat", "dog") for split in ("Train", "test")]
    with pytest.raises(DataError, match=r"must lie around the classes.*'Train', 'test'"):
        places(names)


@pytest.mark.parametrize("around", ["", "set/"])
@pytest.mark.parametrize("side", ["", "train/"])
def test_a_class_without_an_image_is_refused(around, side):
    """An empty folder, or one of images that cannot be read."""
    names = [f"{around}{side}{name}/1.png" for name in ("cat", "dog")]
    with pytest.raises(DataError, match=f"the folder '{around}{side}owl' holds none. Bring some"):
        places(names, [f"{around}{side}owl/"])
    with pytest.raises(DataError, match=r"owl' holds none that can be read \(2 \.heic\)\. Bring"):
        places(names, [f"{around}{side}owl/{number}.heic" for number in range(2)])
    places(names, [f"{around}{side}cat/2.heic", f"{around}{side}cat/sub/", "cat/.git/config"])


def test_a_class_may_be_missing_in_one_of_the_brought_splits():
    """Where an image of it is moved to, which is said."""
    names = ["train/cat/1.png", "train/dog/1.png", "test/cat/1.png"]
    assert len(places(names, ["test/dog/", "val/", "notes/README.md"])) == 3


def test_what_lies_beside_the_folder_around_everything_is_no_class():
    """Notes, as archives have them."""
    names = ["set/cat/1.png", "set/dog/1.png"]
    assert len(places(names, ["notes/more/a.txt", "set/README"])) == 2


def test_folders_without_an_image_are_found():
    """The outermost of each, so that the line stays short."""
    names = ["a/cat/1.png"]
    others = ["a/", "a/cat/", "a/cat/x/", "b/", "b/c/", "d/e/note.txt", ".git/x/y"]
    assert imageless(names, others) == ["a/cat/x/", "b/", "d/"]
