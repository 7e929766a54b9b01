"""What pages take from the code when they are built: the commands and the parameters.

A page names it in a comment, `<!-- generated: commands -->`.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

from components.frame import files
from flows.pipeline import overrides
from flows.project import Project

ROOT = Path(__file__).parents[1]
BOUNDS = {"ge": "from {}", "gt": "above {}", "le": "up to {}", "lt": "below {}"}


def commands() -> str:
    """Every command with its arguments and options, as Typer writes them."""
    asked = [sys.executable, "-m", "typer", "flows.cli", "utils", "docs", "--name", "thawline"]
    done = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.partition("\n")[2].replace("\n### ", "\n## ")


def parameters() -> str:
    """Every parameter by its stage or action: as it is shipped, what it may be, what it means."""
    project = Project(ROOT)
    return "\n".join(line for name in overrides.sections(project) for line in section(project, name))


def section(project: Project, name: str) -> Iterator[str]:
    """The parameters of one file."""
    model = overrides.model_of(project, name)
    yield f"## {name}\n\n{model.__doc__}\n"
    shipped = files.read_yaml(project.params / f"{name}.yaml")
    yield from _fields(name, model, shipped)


def _fields(prefix: str, model: type[BaseModel], shipped: dict[str, Any]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        value = shipped[name]
        meaning = " ".join((field.description or "").split())
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield f"`{prefix}.{name}`\n: {meaning}\n"
            yield from _fields(f"{prefix}.{name}", kind, value)
        else:
            allowed = ", ".join(_allowed(kind, field.metadata))
            yield f"`{prefix}.{name}` = `{_written(value)}`\n: {meaning}{_beside(allowed)}\n"


def _allowed(kind: Any, marks: list[Any]) -> Iterator[str]:  # noqa: ANN401  # a type of any form
    """Words that are allowed, and bounds."""
    yield from (f"`{one}`" for one in get_args(kind) if isinstance(one, str))
    for mark in marks:
        for bound, words in BOUNDS.items():
            if (value := getattr(mark, bound, None)) is not None:
                yield words.format(value)
    for one in get_args(kind):
        if hasattr(one, "__metadata__"):
            inner = [mark for field in one.__metadata__ for mark in getattr(field, "metadata", [])]
            yield from _allowed(one.__origin__, inner)


def _beside(allowed: str) -> str:
    return f" ({allowed})" if allowed else ""


def _written(value: Any) -> str:  # noqa: ANN401  # whatever a parameter may be
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, list):
        return f"[{', '.join(map(_written, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_written(one)}' for key, one in value.items())}}}"
    return str(value)


GENERATED = {"commands": commands, "parameters": parameters}


def fill(_app: Sphinx, _name: str, source: list[str]) -> None:
    """Put what is generated where a page names it."""
    for name, make in GENERATED.items():
        mark = f"<!-- generated: {name} -->"
        if mark in source[0]:
            source[0] = source[0].replace(mark, make())


def setup(app: Sphinx) -> dict[str, bool]:
    """Take part in Sphinx."""
    app.connect("source-read", fill)
    app.add_lexer("mermaid", TextLexer)  # drawn where the page is read on a forge, text elsewhere
    return {"parallel_read_safe": True, "parallel_write_safe": True}
