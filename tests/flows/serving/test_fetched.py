"""A model whose files in the store are not whole is said to be so, and never run."""

import pytest

from components.frame.errors import DataError, UnreachableError
from flows.project import Project
from flows.registry import versions
from flows.serving import fetched

ODD = ("", "[]", "flavors: 3", "flavors: {python_function: [1]}", "[" * 3000, "a: b: c", None)
"""What an `MLmodel` may say; None: there is none."""


@pytest.fixture
def model(project, perform):
    """The folder of a registered model in the store."""
    perform("publish", "register")
    return next((project.mlflow / "artifacts").rglob("MLmodel")).parent


def fetch(project):
    with fetched.named(project, versions.Name("thawline", version=1)) as (_, folder):
        return folder.exists()


def test_links_in_a_models_code_are_refused(project, model):
    """Wherever they lead: out of the store, to nothing, to themselves, to another file of it."""
    link = model / "code" / "components" / "link.py"
    for target in ("/etc/hostname", "/usr", "nowhere", "link.py", ".", "__init__.py"):
        link.symlink_to(target)
        with pytest.raises(DataError, match="was registered"):
            fetch(project)
        link.unlink()
    assert fetch(project)


def test_a_model_that_does_not_say_how_it_is_loaded_is_refused(project, model):
    """Its description is a file like any other."""
    for content in ODD:
        (model / "MLmodel").unlink(missing_ok=True)
        if content is not None:
            (model / "MLmodel").write_text(content)
        with pytest.raises(DataError):
            fetch(project)


def test_a_store_that_was_moved_and_takes_nothing_is_said(project, model, read_only):
    """It must follow its folder; afterwards it may be read-only."""
    moved = Project(project.root.rename(project.root.with_name("moved")))
    with (
        read_only(moved.mlflow),
        pytest.raises(UnreachableError, match=r"moved, but .*mlflow\.db takes nothing"),
    ):
        fetch(moved)
    assert fetch(moved)
