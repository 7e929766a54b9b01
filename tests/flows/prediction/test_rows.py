"""What is written of an image, whatever the model's answers are."""

import json
from io import StringIO
from pathlib import Path

import pytest

from flows.prediction.inputs import ImageFile
from flows.prediction.rows import Rows

IMAGE = ImageFile("a.png", Path("a.png"))


def written(form, answer):
    file = StringIO()
    rows = Rows(file, form, list(answer))
    rows.add(IMAGE, answer)
    return file.getvalue()


@pytest.mark.parametrize(
    ("answer", "row"),
    [
        (
            {"class": "cat", "probability_cat": 0.75, "probability_dog": 0.25},
            {"class": "cat", "probability": 0.75, "probabilities": {"cat": 0.75, "dog": 0.25}},
        ),
        ({"length": 3.5}, {"length": 3.5}),
    ],
    ids=["classes", "a number"],
)
def test_a_line_of_json_holds_the_answer(answer, row):
    """Probabilities stand together; what has none is written as it is."""
    assert json.loads(written("jsonl", answer)) == {"path": "a.png", **row}


def test_a_table_has_the_answers_columns():
    """The highest probability stands before the others; without any there is none."""
    classes = {"class": "cat", "probability_cat": 0.75, "probability_dog": 0.25}
    heading = "path,class,probability,probability_cat,probability_dog\n"
    assert written("csv", classes) == f"{heading}a.png,cat,0.75,0.75,0.25\n"
    assert written("csv", {"length": 3.5}) == "path,length\na.png,3.5\n"
