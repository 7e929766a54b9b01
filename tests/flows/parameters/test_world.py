"""What parameters name must be there, and is looked for before anything is written."""

import json

import pytest

from components.tasks.names import task_names
from components.tasks.registry import TASKS
from flows.parameters.architectures import architectures
from flows.pipeline import overrides


@pytest.fixture
def weights(tmp_path):
    """A file of weights, as far as it states what it is for."""

    def make(name="weights.safetensors", **stated):
        header = json.dumps({"__metadata__": stated}).encode()
        path = tmp_path / name
        path.write_bytes(len(header).to_bytes(8, "little") + header)
        return path

    return make


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (["base.architecture=resnet5O"], "'resnet5O' is none. Near are:"),
        (["base.source=hub", "base.architecture=resnt50"], "Near are: resnet50"),
        (["base.source=hub", "base.architecture=qqqqqqq"], "See: thawline models"),
        (["base.source=hub"], "must be named beside base.source=hub"),
        (["base.source=hub", "base.architecture=resnet50.no"], "there are: resnet50.a1_in1k,"),
        (["base.source=none", "base.architecture=resnet50.a1_in1k"], "must be without a tag"),
        (["search.optimizer=[adamw, lyon]"], "'lyon' is none. Near are: "),
        (["search.momentum=0.8"], "search.momentum must have an effect"),
        (["base.source=weights.safetensors"], "existing file of weights"),
        (["base.source=data/raw/x.pth"], "must lie apart from what a run replaces"),
        (["ingest.source=nowhere"], "does not exist"),
        (["ingest.source=dvc.yaml"], "is neither a folder nor an archive"),
        (["ingest.source=data/raw"], "must lie apart from what a run replaces"),
        (["augment.policy=lite"], "light, trivial, rand or a file, but there is none at"),
        (["augment.policy=data/raw/x.json"], "must lie apart from what a run replaces"),
        (["augment.task=detection"], "augment.task must be one of classification"),
    ],
)
def test_what_is_not_there_is_refused(refused, values, words):
    """Nothing is written, and the sentence names what there is."""
    assert words in refused(*values)


def test_a_file_for_another_network_is_refused(shipped, refused, weights):
    """Both ways out are named; the right name, and no name, are accepted."""
    path = weights(arch="resnet18")
    said = refused(f"base.source={path}", "base.architecture=resnet50")
    assert "base.architecture must be `auto` or 'resnet18'" in said
    assert "--reset base.architecture" in said
    assert "--set base.source=PATH" in said
    overrides.planned(shipped, [f"base.source={path}", "base.architecture=resnet18"])
    overrides.planned(shipped, [f"base.source={path}"])


def test_a_file_that_states_nothing_needs_a_name(shipped, refused, weights):
    """Torch's own format states nothing at all; a torn header neither."""
    torn = weights("torn.safetensors")
    torn.write_bytes(b"\xff" * 20)
    for path in (weights(), weights("old.pth"), torn):
        assert "must be named, since" in refused(f"base.source={path}")
        overrides.planned(shipped, [f"base.source={path}", "base.architecture=resnet18"])


def test_tasks_are_named_without_being_imported():
    """The names read off the files are those of the registry."""
    assert task_names() == sorted(TASKS)


def test_the_table_holds_timms_networks_and_weights():
    """It is renewed with timm: python -m benchmarks.architectures."""
    import timm

    table = architectures()
    assert set(table) <= set(timm.list_models())
    assert {"tf_efficientnet_lite0", "resnet50", "vit_base_patch16_224", "test_resnet"} <= set(
        table
    )
    for name in ("resnet50", "vit_base_patch16_224"):
        there = {full.partition(".")[2] for full in timm.list_pretrained(f"{name}.*")}
        assert set(table[name].tags.split()) == there
        assert table[name].licence == timm.get_pretrained_cfg(name).license
