"""What tests of every part share."""

import pytest
from samples import draw, encode


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
