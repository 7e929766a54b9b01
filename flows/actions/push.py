"""The action `push`: the outputs of the stages to the DVC remote, where one is set."""

from components.frame.errors import UnreachableError
from flows.building import repository
from flows.project import Project


def push(project: Project) -> str:
    """Send what the default remote lacks; says in a line what was done.

    Raises:
        UnreachableError: the remote did not take it.
    """
    from dvc.exceptions import DvcException

    try:
        with repository.opened(project) as repo:
            remote = repo.config["core"].get("remote")
            if not remote:
                return "no DVC remote is set: outputs stay in the local cache"
            sent = repo.push()
    except (DvcException, OSError) as error:
        raise UnreachableError(
            f"The DVC remote must take the outputs, but {error}. "
            "Fix it, or its settings (`dvc remote list`), then: thawline push"
        ) from error
    return f"{sent} files sent to the DVC remote {remote}"
