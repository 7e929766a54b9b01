"""Every mutation can still be made: its text stands where it says, and its test is there."""

import ast

import pytest
from places import ROOT

from benchmarks.mutations import MUTATIONS


def test_there_are_enough_and_each_has_a_name_of_its_own():
    """The table that they end in tells them apart."""
    assert len({mutation.name for mutation in MUTATIONS}) == len(MUTATIONS) >= 18


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_a_mutation_finds_its_text_and_its_test(mutation):
    """What it makes of the file is another program, and not merely a broken one."""
    source = (ROOT / mutation.file).read_text(encoding="utf-8")
    made = mutation.made(source)
    assert ast.dump(ast.parse(made)) != ast.dump(ast.parse(source))
    file, _, name = mutation.test.partition("::")
    assert f"def {name or 'test_'}" in (ROOT / file).read_text(encoding="utf-8")


def test_a_mutation_whose_text_is_gone_says_so():
    """Or which stands twice: nothing would be known of it."""
    with pytest.raises(ValueError, match=r"must stand once in .* but stands 0 times"):
        MUTATIONS[0].made("")
    with pytest.raises(ValueError, match="but stands 2 times"):
        MUTATIONS[0].made(2 * MUTATIONS[0].old)
