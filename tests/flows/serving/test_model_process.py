"""What a registered model does with one image is that image's answer, or its error."""

import pandas as pd
import pytest

from flows.serving import model_process


class Model:
    """Answers with how long an image is, and fails at one."""

    def __init__(self, error):
        self.error = error

    def predict(self, table):
        if b"bad" in list(table["image"]):
            raise self.error
        return pd.DataFrame({"length": [len(content) for content in table["image"]]})


@pytest.fixture
def paths(tmp_path):
    for name, content in {"a": b"1", "b": b"bad", "c": b"333"}.items():
        (tmp_path / name).write_bytes(content)
    return [str(tmp_path / name) for name in "abc"]


@pytest.mark.parametrize("error", [KeyError("tag"), RuntimeError("odd"), AssertionError()])
def test_whatever_one_image_does_the_others_are_answered(paths, error):
    """Also with the code of an old version, which may let anything through."""
    found = model_process.answer(Model(error), paths)
    assert found[0] == {"length": 1}
    assert found[2] == {"length": 3}
    assert list(found[1]) == ["error"]
    assert found[1]["error"]


def test_a_file_that_is_gone_is_its_own_error(paths):
    """The words of the system, without a number of it."""
    found = model_process.answer(Model(KeyError()), [paths[0], paths[0] + "-gone"])
    assert found == [{"length": 1}, {"error": "No such file or directory"}]
