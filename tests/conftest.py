"""What tests of every part share."""

import contextlib
import os
import subprocess
import tempfile
from datetime import date
from pathlib import Path

import pytest
from hypothesis import settings
from samples import draw, encode

os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp(prefix="thawline-state-")
"""The projects of tests are none of this machine's."""
os.environ.setdefault("OMP_NUM_THREADS", "1")
"""As many workers as cores share the tests; threads of theirs besides would wait for each other."""
settings.register_profile("any machine", deadline=None, print_blob=True)
settings.load_profile("any machine")
PIPELINE = Path(__file__).parent / "pipeline"


def pytest_addoption(parser):
    """A seed, for what tests draw, and which share of it is done (tests/chaos)."""
    parser.addoption("--seed", type=int, default=date.today().toordinal())  # noqa: DTZ011  # any
    parser.addoption("--share", default="1/1")


def pytest_collection_modifyitems(items):
    """The pipeline's tests come first: one worker has them, another the rest meanwhile."""
    items.sort(key=lambda item: not item.path.is_relative_to(PIPELINE))


@pytest.fixture
def images(tmp_path):
    """A folder with two classes of twelve noise images each."""
    folder = tmp_path / "images"
    for label, name in enumerate(("cat", "dog")):
        (folder / name).mkdir(parents=True)
        for number in range(12):
            content = encode(draw(100 * label + number))
            (folder / name / f"{number:02}.png").write_bytes(content)
    return folder


@pytest.fixture
def read_only():
    """Let a folder take nothing until the block ends, whoever asks."""

    @contextlib.contextmanager
    def closed(folder):
        bound = subprocess.run(
            ["mount", "--bind", folder, folder], capture_output=True, check=False
        )
        if bound.returncode:
            pytest.skip("making a folder read-only takes the rights for it")
        try:
            subprocess.run(["mount", "-o", "remount,bind,ro", folder], check=True)
            yield folder
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)

    return closed


@pytest.fixture
def small_disk():
    """Mount a disk of a megabyte at a folder below the test's own."""
    mounted = []

    def mount(folder):
        folder.mkdir(parents=True, exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("mounting a small disk takes the rights for it")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
