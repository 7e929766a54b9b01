"""What one process at a time does."""

import pytest

from components.frame.errors import UnreachableError
from flows.project import Project
from flows.runtime import locks


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


@pytest.mark.parametrize(
    ("lock", "sentence"),
    [(locks.run, "One run at a time"), (locks.schedule, "One schedule at a time")],
)
def test_a_second_one_is_told_who_is_there(project, lock, sentence):
    """It does not wait, and finds the way free afterwards."""
    with lock(project), pytest.raises(UnreachableError, match=sentence), lock(project):
        pass
    with lock(project):
        pass


def test_different_locks_do_not_meet(project):
    """A run publishes while it holds its own."""
    with locks.run(project), locks.actions(project), locks.store(project):
        assert sorted(path.name for path in project.private.glob("*.lock")) == [
            "actions.lock",
            "run.lock",
            "store.lock",
        ]
