"""The versions of the libraries that stages compute with: locked, and part of what they depend on.

`dvc.yaml` names, beside the parameters of a stage, the libraries that its code imports, in
`components/versions.yaml`. So another version makes stale what it computes, and nothing else.
"""

from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from components.frame import files
from components.frame.errors import UsageError

LOCKED = "components/versions.yaml"
"""Written by `make lock`: a library a line, and its version."""


def require(root: Path, names: Iterable[str] | None = None) -> None:
    """See that the libraries at hand, `names` or all, are the locked ones.

    What follows the `+` in a version (`2.15.0+cpu`) names a build, and is not compared.

    Raises:
        UsageError: one is missing, or has another version.
    """
    locked = files.read_yaml(root / LOCKED)
    wanted = {name: str(locked[name]) for name in (locked if names is None else names)}
    other = {name: there for name in wanted if (there := _installed(name)) != wanted[name]}
    if other:
        told = [f"{name} {wanted[name]} (at hand: {there})" for name, there in other.items()]
        raise UsageError(
            f"{LOCKED} locks the libraries that stages compute with, but of these are not "
            f"installed: {', '.join(told)}. Install them: make setup. Or write into that file "
            "what is at hand: what it computes is then built anew."
        )


def _installed(name: str) -> str:
    try:
        return metadata.version(name).partition("+")[0]
    except metadata.PackageNotFoundError:
        return "none"
