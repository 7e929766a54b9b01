"""What no linter of ours looks for: calls by keyword, and exceptions that say why."""

import ast
import re

import pytest
from places import ROOT

MOST_BY_POSITION = 4
"""A dataclass with more fields is made by keywords alone."""
SOURCES = sorted(
    path for top in ("components", "flows", "benchmarks") for path in (ROOT / top).rglob("*.py")
)


def dataclasses(path):
    """Every dataclass of a file, with its decorator and its fields."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.ClassDef):
            continue
        for decorator in node.decorator_list:
            called = decorator.func if isinstance(decorator, ast.Call) else decorator
            if isinstance(called, ast.Name) and called.id == "dataclass":
                yield node, decorator, [f for f in node.body if is_field(f)]


def is_field(statement):
    return isinstance(statement, ast.AnnAssign) and "ClassVar" not in ast.dump(statement.annotation)


def by_keywords(decorator):
    given = decorator.keywords if isinstance(decorator, ast.Call) else []
    return any(one.arg == "kw_only" and one.value.value is True for one in given)


def test_dataclasses_of_many_fields_are_made_by_keywords():
    """Nobody has to count commas to read a call."""
    found = [
        f"{path.relative_to(ROOT)}: {node.name} ({len(fields)} fields)"
        for path in SOURCES
        for node, decorator, fields in dataclasses(path)
        if len(fields) > MOST_BY_POSITION and not by_keywords(decorator)
    ]
    assert not found


@pytest.mark.parametrize("top", ["components", "flows", "benchmarks", "tests"])
def test_no_line_is_kept_from_the_formatter(top):
    """The formatter's shape stands everywhere."""
    mark = "fmt" + ": skip"
    assert not [path for path in (ROOT / top).rglob("*.py") if mark in path.read_text()]


def test_every_silenced_rule_says_why():
    """`noqa` alone tells a reader nothing."""
    silent = re.compile(r"# noqa(?:: [A-Z0-9, ]+)?$", re.MULTILINE)
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in SOURCES
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if silent.search(line)
    ]
    assert not found
