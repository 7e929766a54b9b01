"""The parameter files as they are shipped: each default, and beside it how its meaning begins.

    python -m flows.parameters.shipped    writes those of this checkout

A parameter's default and meaning are said once, in its model; a test holds `params/` to it.
"""

import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from components.frame import files
from components.frame.params import Params
from flows.parameters.listing import short, shown
from flows.parameters.sections import file_of, model_of, sections
from flows.parameters.typed import as_written
from flows.project import Project

WIDTH = 100
LONGEST_VALUE = 24
"""Characters of a line without its comment; a longer one moves its comment away from the others."""


def text(section: str, model: type[Params]) -> str:
    """A parameter file with every default."""
    heading = textwrap.wrap((model.__doc__ or "").strip(), WIDTH - 2)
    lines = [(line, comment) for line, comment in _lines(model(), "")]
    column = max(len(line) for line, _ in lines if len(line) <= LONGEST_VALUE) + 1
    body = [f"{line:<{column}} # {comment}" if comment else line for line, comment in lines]
    heading += [f"More on each: thawline params {section}"]
    return "\n".join([*(f"# {line}" for line in heading), *body]) + "\n"


def write(project: Project) -> None:
    """Write all of them."""
    for section in sections(project):
        files.write_text(file_of(project, section), text(section, model_of(project, section)))


def _lines(params: BaseModel, indent: str) -> Iterator[tuple[str, str]]:
    """A line and its comment for each parameter, those of a mapping below its name."""
    for name, field in type(params).model_fields.items():
        value = getattr(params, name)
        if isinstance(value, BaseModel):
            yield f"{indent}{name}:", short(field)
            yield from _lines(value, f"{indent}  ")
        elif isinstance(value, list) and isinstance(value[0], BaseModel):
            yield f"{indent}{name}:", short(field)
            yield from ((f"{indent}  - {shown(one)}", "") for one in _written(value))
        else:
            yield f"{indent}{name}: {shown(as_written(value))}", short(field)


def _written(values: list[Any]) -> list[Any]:
    return [as_written(value) for value in values]


if __name__ == "__main__":
    write(Project(Path(__file__).parents[2]))
