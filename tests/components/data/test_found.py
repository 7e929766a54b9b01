"""What a person is told of a source before anything long begins."""

import pandas as pd
import pytest

from components.data import found


def manifest(counts, sizes=((24, 24),), subset=None):
    """Images of classes so often, of these sizes in turn."""
    names = [name for name, count in counts.items() for _ in range(count)]
    table = pd.DataFrame({"path": [f"{name}/{n}.png" for n, name in enumerate(names)]})
    table["class"] = names
    table["subset"] = pd.array([subset] * len(names), dtype="string")
    for column, side in (("width", 0), ("height", 1)):
        values = [sizes[number % len(sizes)][side] for number in range(len(names))]
        table[column] = pd.array(values, dtype="Int64")
    return table


def told(*given, others=(), **more):
    return list(found.lines(manifest(*given, **more), list(others)))


def test_every_class_of_a_few_is_counted():
    """By name; one that would break the line stands in quotes."""
    assert told({"dog": 2, "cat": 1200, "a\nb": 3})[0] == (
        r"classes: 'a\nb' (3), cat (1,200), dog (2)"
    )


def test_many_classes_take_one_line():
    """The largest and the smallest of a thousand: what may be too few is seen."""
    counts = {f"c{number:03}": number for number in range(1, 101)}
    assert told(counts)[0] == (
        "largest classes: c100 (100), c099 (99), c098 (98); smallest: c001 (1), c002 (2), c003 (3)"
    )


@pytest.mark.parametrize(
    ("sizes", "line"),
    [
        ([(8, 8)], "sizes: 8 x 8 pixels each"),
        ([(300, 20), (64, 64), (1024, 768)], "sizes: 64 x 64 to 1,024 x 768 pixels"),
        ([(8, 8), (None, None)], "sizes: 8 x 8 pixels each; 2 do not tell theirs"),
        ([(None, None)], "no image tells its size"),
    ],
)
def test_sizes_go_from_the_smallest_to_the_largest(sizes, line):
    """By pixels; a broken image has none, which is no reason to stop here."""
    assert told({"cat": 4}, sizes=sizes)[1] == line


def test_splits_that_a_source_brings_are_counted():
    """Only where it brings some."""
    assert "splits that it brings: train (4)" in told({"cat": 4}, subset="train")
    assert len(told({"cat": 4})) == 2


def test_what_is_passed_over_follows():
    """By ending."""
    assert told({"cat": 4}, others=["cat/a.heic", "b.csv", "c.heic"])[-1] == (
        "passed over, being no images that can be read: 2 .heic, 1 .csv"
    )
