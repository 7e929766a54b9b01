"""What tests of every part share."""

from pathlib import Path

import pytest
from samples import draw, encode

PIPELINE = Path(__file__).parent / "pipeline"


def pytest_collection_modifyitems(items):
    """The pipeline's tests come first: one worker has them, another the rest meanwhile."""
    items.sort(key=lambda item: not item.path.is_relative_to(PIPELINE))


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
