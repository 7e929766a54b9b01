"""The networks there are: what each costs, and whether its weights are at hand."""

import pytest

from components.frame.errors import UsageError
from flows.parameters import models


def rows(pattern):
    table = models.screen(pattern).partition("\n\n")[0].splitlines()
    return {line.split()[0]: line.split() for line in table[1:]}


def test_the_default_is_the_measure(monkeypatch, tmp_path):
    """Its weights are a package, its cost is one."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    row = rows("tf_efficientnet_lite0")["tf_efficientnet_lite0"]
    assert row == ["tf_efficientnet_lite0", "3.4", "224", "1.0x", "package", "apache-2.0"]


def test_larger_ones_are_packages_too():
    """Two of them."""
    found = rows("tf_efficientnet_lite")
    assert [name for name, row in found.items() if "package" in row] == [
        f"tf_efficientnet_lite{size}" for size in range(3)
    ]


def test_what_was_fetched_is_at_hand(monkeypatch, tmp_path):
    """The hub's cache is looked at, not asked."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    assert rows("resnet50")["resnet50"][1:] == ["23.5", "224", "10.6x", "-", "apache-2.0"]
    (tmp_path / "models--timm--resnet50.a1_in1k" / "snapshots").mkdir(parents=True)
    assert rows("resnet50")["resnet50"][4] == "cache"


def test_a_pattern_chooses():
    """A part of the name, or a glob for all of it."""
    assert {name for name in rows("resnet1?") if not name.startswith("resnet1")} == set()
    assert "vit_base_patch16_224" in rows("base_patch16")
    assert len(rows("")) > 1000


def test_the_weights_of_one_network_are_named():
    """Its licence is the default's, the first; a tag is no part of the network's name."""
    text = models.screen("resnet50.tv_in1k*")
    assert "resnet50d" in text
    text = models.screen("resnet50_clip.openai")
    assert "weights on the hub: resnet50_clip.openai" in text
    assert max(map(len, text.splitlines())) <= 80
    assert "weights on the hub" not in models.screen("resnet")


def test_an_unknown_name_is_told_with_a_near_one():
    """Not with all thousand."""
    with pytest.raises(UsageError, match=r"Did you mean 'resnet50'\?$"):
        models.screen("resnt50")
    with pytest.raises(UsageError, match=r"named 'qqqqqq'\.$"):
        models.screen("qqqqqq")
