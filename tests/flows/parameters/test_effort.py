"""One dial sets what costs; what it sets is in force and is known again."""

import pytest

from flows.parameters import effort, listing
from flows.parameters.effort import EFFORTS, LADDER
from flows.pipeline import overrides


def defaults(project):
    return {one.key: one.default for one in listing.parameters(project)}


def test_standard_is_what_is_shipped(shipped):
    """Of everything that any effort sets."""
    for values in EFFORTS.values():
        assert set(values) == set(EFFORTS["standard"])
    shipped_values = defaults(shipped)
    assert {key: shipped_values[key] for key in EFFORTS["standard"]} == EFFORTS["standard"]


@pytest.mark.parametrize("values", [*EFFORTS.values(), *LADDER])
def test_each_can_be_set_and_has_an_effect(shipped, values):
    """By the same checks as what a person sets."""
    overrides.apply(shipped, overrides.as_texts(values))
    found = {one.key: one.value for one in listing.parameters(shipped)}
    assert {key: found[key] for key in values} == values


def test_what_set_a_value_is_known_while_it_stands(shipped):
    """A value that a person changed since is the person's."""
    effort.remember(shipped, "effort quick", EFFORTS["quick"])
    assert effort.origin(shipped, "train.epochs", 12) == "effort quick"
    assert effort.origin(shipped, "train.epochs", 9) == ""
    assert effort.origin(shipped, "train.seed", None) == ""
