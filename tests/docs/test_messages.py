"""The messages that docs/troubleshooting.md explains are those of the code."""

import ast
import re

import pytest
from documented import ROOT

QUOTED = re.compile(r"^> (.+)$", re.MULTILINE)
LEFT_OUT = "…"
MESSAGES = QUOTED.findall((ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8"))
ANY = "\0"
"""Where a value stands in a sentence of the code."""


def sentences():
    """Every text of the code, a value in it as `ANY`."""
    for top in ("components", "flows"):
        for path in (ROOT / top).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.JoinedStr):
                    yield "".join(map(spelled, node.values))
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield node.value


def spelled(part):
    return part.value if isinstance(part, ast.Constant) else ANY


@pytest.fixture(scope="module")
def said():
    return set(sentences())


@pytest.mark.parametrize("message", MESSAGES)
def test_a_message_is_one_of_the_code(message, said):
    """Its fixed words stand in one sentence, in their order."""
    words = [part.strip() for part in message.split(LEFT_OUT) if part.strip(" .")]
    pattern = re.compile(".*".join(map(re.escape, words)), re.DOTALL)
    assert any(pattern.search(one) for one in said)


def test_there_are_messages():
    """None is lost to another way of quoting."""
    assert len(MESSAGES) > 30
