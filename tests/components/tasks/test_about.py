"""What a model's page says of its task."""

import pandas as pd

from components.tasks.classification import Classification


def test_classes_are_named_unless_they_are_many():
    """A page does not list a thousand names."""
    assert Classification(("cat", "dog")).about().endswith("; 2 classes: cat, dog")
    many = tuple(f"species {number}" for number in range(1000))
    assert Classification(many).about() == "names the class of an image; 1000 classes"


def test_the_weakest_classes_are_among_the_limits():
    """The three with the lowest F1, the lowest first; without the table none is claimed."""
    task = Classification(("a", "b", "c", "d"))
    table = pd.DataFrame({"class": list("abcd"), "f1": [0.9, 0.5, 0.75, 1.0]})
    table["images"] = [9, 1200, 8, 7]
    assert len(task.limits({})) == 1
    assert task.limits({"classes": table})[1] == (
        "Weakest classes by F1: b (0.500, 1,200 images), c (0.750, 8 images), a (0.900, 9 images)."
    )
