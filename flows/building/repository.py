"""DVC's repository: quiet, and held by one process at a time."""

from components.frame.errors import UnreachableError


def quiet() -> None:
    """Let DVC's logger speak of warnings only: what happens is said here, in our words."""
    import logging

    logging.getLogger("dvc").setLevel(logging.WARNING)


def busy() -> UnreachableError:
    """The error of a repository that another DVC process holds."""
    return UnreachableError(
        "DVC takes one process at a time in a project, but another one works here. "
        "Wait for its end, then run again."
    )
