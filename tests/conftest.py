"""What tests of every part share."""

from pathlib import Path

import pytest
from samples import draw, encode

PIPELINE = Path(__file__).parent / "pipeline"


def pytest_collection_modifyitems(items):
    """Where tests run side by side, a file's stay together, and the pipeline's, which come first.

    They share one long run; the other worker has the rest done meanwhile.
    """
    items.sort(key=lambda item: not item.path.is_relative_to(PIPELINE))
    for item in items:
        whole = item.path.is_relative_to(PIPELINE)
        item.add_marker(pytest.mark.xdist_group("pipeline" if whole else str(item.path)))


@pytest.fixture
def pictures(tmp_path):
    """A folder with two classes of twelve noise pictures each."""
    folder = tmp_path / "pictures"
    for label, name in enumerate(("cat", "dog")):
        (folder / name).mkdir(parents=True)
        for number in range(12):
            content = encode(draw(100 * label + number))
            (folder / name / f"{number:02}.png").write_bytes(content)
    return folder
