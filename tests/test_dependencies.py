"""What `pyproject.toml` says of who needs a package is true."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
DEPENDENCIES = TEXT[TEXT.index("\ndependencies = [") : TEXT.index("\n[dependency-groups]")]
COMMENTS = dict(
    re.findall(r'^    "([\w.-]+?)[<>=][^"]*", +# (.*)$', DEPENDENCIES, flags=re.MULTILINE)
)
"""Behind each package."""
PLACE = re.compile(r"\b(?:components|flows)/[\w/]*(?:\.py)?")
PLACES = [(package, place) for package, told in COMMENTS.items() for place in PLACE.findall(told)]
MODULES = {
    "opencv-python-headless": "cv2",
    "pillow": "PIL",
    "scikit-learn": "sklearn",
    "ruamel.yaml": "ruamel",
}
"""The module of a package, where it has another name."""


def named(path: Path) -> set[str]:
    """The modules that a file, or any file of a folder, imports or finds by a string."""
    names = set()
    for source in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module.partition(".")[0])
            elif isinstance(node, ast.Constant):
                names.add(str(node.value))
    return names


def test_every_dependency_says_who_needs_it():
    """A comment stands behind each line."""
    assert len(COMMENTS) == DEPENDENCIES.count('\n    "')


@pytest.mark.parametrize(("package", "place"), PLACES)
def test_who_needs_a_package_imports_it(package, place):
    """The named file or folder is there and imports it."""
    module = MODULES.get(package, package.replace("-", "_"))
    assert (ROOT / place).exists()
    assert module in named(ROOT / place)
