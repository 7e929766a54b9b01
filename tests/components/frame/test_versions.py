"""The libraries that stages compute with are the locked ones, and another version is noticed."""

import re
from importlib import metadata
from pathlib import Path

import pytest

from components.frame import files, versions
from components.frame.errors import UsageError

ROOT = Path(__file__).parents[3]


@pytest.fixture
def locked(tmp_path):
    """A project that locks what is installed."""
    names = ["numpy", "torch", "timm"]
    at_hand = {name: metadata.version(name).partition("+")[0] for name in names}
    files.write_yaml(tmp_path / versions.LOCKED, at_hand)
    return tmp_path


def test_what_is_locked_is_what_requirements_say():
    """`make lock` writes both."""
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    pinned = dict(re.findall(r"^([\w.-]+)==(\S+)", text, flags=re.MULTILINE))
    locked = files.read_yaml(ROOT / versions.LOCKED)
    assert locked == {name: pinned[name] for name in locked}
    assert {"torch", "timm", "albumentations"} <= set(locked)


def test_the_locked_versions_pass(locked):
    """All of them, and some by name."""
    assert versions.require(locked) is None, "it raises otherwise"
    assert versions.require(locked, ["torch"]) is None


def test_another_version_is_refused_where_it_is_used(locked):
    """One sentence: what is wanted, what is there, both ways out."""
    files.write_yaml(locked / versions.LOCKED, {"torch": "1.13.0", "numpy": "0.1.0", "none": "1"})
    with pytest.raises(UsageError, match=r"torch 1\.13\.0 \(at hand: \d.*make setup") as error:
        versions.require(locked, ["torch"])
    assert "numpy" not in str(error.value)
    with pytest.raises(UsageError, match=r"numpy 0\.1\.0 \(at hand: 2.*none 1 \(at hand: none\)"):
        versions.require(locked)
