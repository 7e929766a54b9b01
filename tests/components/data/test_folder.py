"""A folder gives its images, tells all else, and refuses what cannot be taken."""

import os
import subprocess

import pytest
from samples import draw, encode

from components.data import folder as rooms
from components.data.folder import Folder
from components.frame.errors import DataError


@pytest.fixture
def folder(tmp_path):
    """One image in a class."""
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "1.png").write_bytes(encode(draw(1)))
    return tmp_path


def names(folder):
    return {entry.name: entry.content is not None for entry in Folder(folder).entries()}


def test_images_are_told_by_content_where_the_ending_says_nothing(folder):
    """A camera's raw photograph is a TIFF inside, a text may be anything."""
    png, tiff = encode(draw(1)), encode(draw(1), ".tiff")
    contents = {
        "without": png,
        "scan": tiff,
        "2.jfif": encode(draw(1), ".jpg"),
        "3.jpg_large": encode(draw(1), ".jpg"),
        "4.nef": tiff,
        "5.txt": png,
        "6.heic": b"\0\0\0\x18ftypheic",
        ".7.png": png,
    }
    for name, content in contents.items():
        (folder / "cat" / name).write_bytes(content)
    found = names(folder)
    images = {name.removeprefix("cat/") for name, image in found.items() if image}
    assert images == {"1.png", "without", "scan", "2.jfif", "3.jpg_large"}
    assert set(found) == {"cat/1.png", *(f"cat/{name}" for name in contents)}


@pytest.mark.parametrize(
    "name", ["@eaDir", "#recycle", "$RECYCLE.BIN", "System Volume Information", "lost+found"]
)
def test_what_systems_make_is_as_if_it_were_not_there(folder, name):
    """Thumbnails and thrown-away images are copies of others."""
    before = Folder(folder).fingerprint()
    for place in (folder / name, folder / "cat" / name.upper()):
        (place / "deeper").mkdir(parents=True)
        (place / "deeper" / "1.png").write_bytes(encode(draw(2)))
    assert names(folder) == {"cat/1.png": True}
    assert Folder(folder).fingerprint() == before


def test_the_fingerprint_changes_with_what_is_told(folder):
    """A class of images that cannot be read must not go unnoticed because it came later."""
    before = Folder(folder).fingerprint()
    (folder / "cat" / ".hidden").touch()
    (folder / "cat" / "Thumbs.db").touch()
    assert Folder(folder).fingerprint() == before
    (folder / "dog").mkdir()
    empty = Folder(folder).fingerprint()
    (folder / "dog" / "1.heic").write_bytes(b"x")
    assert len({before, empty, Folder(folder).fingerprint()}) == 3


def test_a_hidden_folder_is_told_and_not_looked_into(folder):
    """It may be a history or a cache, and hold anything."""
    (folder / ".git").mkdir()
    (folder / ".git" / "link").symlink_to("nowhere")
    assert names(folder) == {".git/": False, "cat/1.png": True}


def test_links_are_named_and_never_followed(folder):
    """A ring of them, one that leads nowhere, and one to a folder."""
    (folder / "ring").symlink_to(folder)
    (folder / "cat" / "2.png").symlink_to("nowhere")
    (folder / "self").symlink_to("self")
    with pytest.raises(DataError, match=r"there are cat/2\.png, ring, self\. Put the images"):
        names(folder)


@pytest.mark.parametrize(
    ("name", "levels", "sentence"),
    [("a", 1_100, "64 deep at most, but there is 'a/a/a"), ("b" * 250, 20, "Give it a shorter")],
    ids=["deep", "long"],
)
def test_folders_too_deep_in_each_other_are_refused(folder, name, levels, sentence):
    """Deeper than Python calls itself, or than a path may be long."""
    here = os.open(folder, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir(name, dir_fd=here)
        below = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    with pytest.raises(DataError, match=sentence) as caught:
        Folder(folder).fingerprint()
    assert len(str(caught.value)) < 500
    subprocess.run(["rm", "-rf", folder / name], check=True)  # Python's own cannot


def test_a_name_that_is_no_utf8_is_refused(folder):
    """No table could hold it."""
    (folder / os.fsdecode(b"K\xe4fer")).mkdir()
    with pytest.raises(DataError, match=r"names must be UTF-8 .* there is 'K\\udce4fer/'"):
        Folder(folder).fingerprint()


def test_an_image_too_large_for_any_model_is_refused(folder, monkeypatch):
    """With its size's bound, before it fills the memory."""
    monkeypatch.setattr(rooms, "LARGEST_FILE", 100)
    with pytest.raises(DataError, match=r"100 bytes at most, but .*1\.png"):
        names(folder)


def test_too_many_files_are_refused(folder, monkeypatch):
    """Bounded as archives are."""
    monkeypatch.setattr(rooms, "MOST_ENTRIES", 1)
    with pytest.raises(DataError, match="1 files and folders at most"):
        names(folder)


def test_a_file_that_goes_away_is_named(folder, monkeypatch):
    """Between being listed and being read."""
    listed = Folder(folder)
    found = listed.listed()
    monkeypatch.setattr(listed, "listed", lambda: found)
    (folder / "cat" / "1.png").unlink()
    for read in (listed.fingerprint, lambda: list(listed.entries())):
        with pytest.raises(DataError, match=r"1\.png' must be readable \(No such file"):
            read()
