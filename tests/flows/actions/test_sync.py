"""Pins follow the world, and stay as they are while it does."""

import json
import os
import shutil

import pytest
from places import ROOT

from components.frame import files
from components.frame.errors import DataError, UsageError
from flows.actions import sync
from flows.pipeline import overrides


@pytest.fixture
def images(toy, tmp_path):
    """The toy project with two images of a person's own as its source, and random weights."""
    folder = tmp_path / "images"
    for name in ("cat/1.png", "dog/1.png"):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_bytes(name.encode())
    overrides.apply(toy, [f"ingest.source={folder}", "base.source=none"])
    return folder


def test_a_pin_is_written_only_when_the_world_changed(toy, images):
    """A pin that is written again would make every stage stale."""
    assert "data/source.yaml and data/start.yaml" in sync.sync(toy)
    before = {path: path.stat().st_mtime_ns for path in toy.data.iterdir()}
    assert "those that are pinned" in sync.sync(toy)
    assert {path: path.stat().st_mtime_ns for path in toy.data.iterdir()} == before
    (images / "dog" / "2.png").write_bytes(b"another")
    assert not sync.pinned(toy)
    assert "data/source.yaml" in sync.sync(toy)
    assert sync.pinned(toy)


def test_a_pin_says_what_it_is(toy, images):
    """Whoever finds the file learns who wrote it; where the images lie is not in it."""
    sync.sync(toy)
    text = (toy.data / "source.yaml").read_text()
    assert text.startswith("# ")
    assert "thawline sync" in text
    assert str(images) not in text


def test_two_places_with_the_same_images_have_the_same_pin(toy, images, tmp_path):
    """Two clones agree, wherever their images lie."""
    sync.sync(toy)
    first = (toy.data / "source.yaml").read_bytes()
    images.rename(tmp_path / "moved")
    overrides.apply(toy, [f"ingest.source={tmp_path / 'moved'}"])
    assert sync.pinned(toy)
    sync.sync(toy)
    assert (toy.data / "source.yaml").read_bytes() == first


def test_an_unchanged_file_is_not_read_again(tmp_path):
    """Thousands of images cost a look at their size and time each."""
    path = tmp_path / "1.png"
    path.write_bytes(b"one")
    state = path.stat()
    index = sync.KnownHashes(tmp_path / "index.json")
    first = index(path)
    index.save()
    path.write_bytes(b"two")
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert sync.KnownHashes(tmp_path / "index.json")(path) == first
    os.utime(path)
    assert sync.KnownHashes(tmp_path / "index.json")(path) == files.sha256(path)


@pytest.mark.usefixtures("images")
def test_a_torn_index_costs_reading_and_nothing_else(toy):
    """What lies under .thawline is safe to delete, or to be cut in half."""
    sync.sync(toy)
    (toy.private / "hashes.json").write_text('{"a": [1')
    assert sync.pinned(toy)


def test_a_source_that_is_not_there_is_named(toy):
    """The remedy is the command that names another."""
    (toy.params / "ingest.yaml").write_text("source: /nowhere\nmax_unpacked_gib: 20.0\n")
    with pytest.raises(UsageError, match=r"'/nowhere' does not exist.*--set ingest.source"):
        sync.sync(toy)


@pytest.mark.parametrize("name", ["ring", "x" * 5000])
def test_a_source_that_no_disk_could_have_is_named(toy, tmp_path, name):
    """A ring of links, an endless name: a sentence, no traceback."""
    (tmp_path / "ring").symlink_to("ring")
    with pytest.raises(UsageError, match="does not exist"):
        overrides.apply(toy, [f"ingest.source={tmp_path / name}"])


def test_what_no_table_could_hold_is_refused_before_it_is_pinned(toy, images):
    """A name that is no UTF-8, a link that leads to itself."""
    before = (toy.data / "source.yaml").read_bytes()
    odd = images / "cat" / os.fsdecode(b"\xff.png")
    odd.write_bytes(b"x")
    with pytest.raises(DataError, match="names must be UTF-8"):
        sync.sync(toy)
    odd.unlink()
    (images / "cat" / "self").symlink_to("self")
    with pytest.raises(DataError, match="links, pipes and devices are not taken"):
        sync.sync(toy)
    assert (toy.data / "source.yaml").read_bytes() == before


def test_an_augmentation_of_a_person_s_own_is_pinned_whole(toy, images, tmp_path):
    """The stage needs the file no more; and a changed file is pinned anew."""
    shutil.copy(ROOT / "params" / "augment.yaml", toy.params)
    assert "data/pipeline.yaml" in sync.sync(toy)
    assert files.read_yaml(toy.data / "pipeline.yaml") == {"pipeline": None}
    mine = tmp_path / "mine.json"
    for name in ("InvertImg", "Transpose"):
        transform = {"__class_fullname__": name, "p": 1.0}
        mine.write_text(json.dumps({"transform": transform}))
        values = files.read_yaml(toy.params / "augment.yaml") | {"policy": str(mine)}
        files.write_yaml(toy.params / "augment.yaml", values)
        assert not sync.pinned(toy)
        assert sync.sync(toy) == "new or changed: pinned anew in data/pipeline.yaml"
        pinned = files.read_yaml(toy.data / "pipeline.yaml")
        assert pinned == {"pipeline": {"transform": transform}}
