"""The images of a source are counted by their names, and a few are looked at."""

import tarfile

import cv2
import numpy as np
import pytest
from archives import packed

from components.frame.errors import DataError
from flows.pipeline import census
from flows.pipeline.census import Census
from flows.project import Project


def take(root, source):
    values = {"ingest.source": source, "ingest.max_unpacked_gib": 1.0}
    return census.take(Project(root), values)


@pytest.fixture
def folder(tmp_path):
    """Two classes of 30 images of 40 x 60 pixels, a broken one, and a text."""
    content = cv2.imencode(".png", np.zeros((40, 60, 3), np.uint8))[1].tobytes()
    for number in range(60):
        path = tmp_path / "images" / f"class{number % 2}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (tmp_path / "images" / "class0" / "0.png").write_bytes(b"broken")
    (tmp_path / "images" / "class0" / "notes.txt").write_text("no image")
    return tmp_path / "images"


def test_a_folder_is_counted(folder):
    """Relative to the project, as its file names it."""
    assert take(folder.parent, "images") == Census(60, 40)


@pytest.mark.parametrize(("name", "mode"), [("a.tar", "w"), ("a.tar.gz", "w:gz")])
def test_an_archive_is_counted(folder, name, mode):
    """The same images packed."""
    with tarfile.open(folder.parent / name, mode) as file:
        file.add(folder, "images")
    assert take(folder.parent, str(folder.parent / name)) == Census(60, 40)


def test_the_digits_are_known(folder):
    """Nothing is unpacked to count them."""
    assert take(folder, "digits") == Census(1797, 8)


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz", "a.zip", "folder"])
def test_what_ingest_would_refuse_is_said_here_as_well(tmp_path, name):
    """A forecast is no reason for another sentence, or for an internal error."""
    path = tmp_path / name
    if name == "folder":
        (path / "cat").mkdir(parents=True)
        (path / "cat" / "1.png").symlink_to(tmp_path / "nowhere")
    else:
        packed(path).write_bytes(path.read_bytes()[:-1200])
    with pytest.raises(DataError):
        take(tmp_path, str(path))
