"""The names of the tasks there are, read off their files: nothing heavy is imported."""

import ast
from pathlib import Path


def task_names() -> list[str]:
    """What `augment.task` may be: the `name` that each task's class states."""
    here = Path(__file__).parent
    return sorted({name for path in here.glob("*.py") for name in _stated(path)})


def _stated(path: Path) -> list[str]:
    """The texts that a file's classes give to `name`."""
    return [
        ast.literal_eval(field.value)
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef)
        for field in node.body
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and field.target.id == "name"
        and isinstance(field.value, ast.Constant)
    ]
