"""A project with the parameters and the stages as they are shipped, and nothing built."""

import shutil

import pytest
from places import ROOT

from flows.project import Project


@pytest.fixture
def shipped(tmp_path):
    root = tmp_path.resolve() / "project"
    shutil.copytree(ROOT / "params", root / "params")
    shutil.copy(ROOT / "dvc.yaml", root)
    return Project(root)


@pytest.fixture
def refused(shipped):
    """The error with which values are refused; no byte of any file is another afterwards."""
    from components.frame.errors import UsageError
    from flows.pipeline import overrides

    def ask(*values, start=None):
        before = {path: path.read_bytes() for path in shipped.params.iterdir()}
        with pytest.raises(UsageError) as error:
            overrides.apply(shipped, values, start)
        assert {path: path.read_bytes() for path in shipped.params.iterdir()} == before
        return str(error.value)

    return ask
