"""The stages and actions that have parameters, and what each of these is."""

from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from components.frame import spec
from components.frame.errors import UsageError
from components.frame.params import Params, params_model
from components.frame.stage import stage_function
from flows.actions import action
from flows.project import Project

FEW = 30
"""So many names are told."""


def sections(project: Project) -> list[str]:
    """The stages and actions that have parameters, the stages in the order of the pipeline."""
    named = stages(project)
    return [*named, *sorted({path.stem for path in project.params.glob("*.yaml")} - set(named))]


def model_of(project: Project, section: str) -> type[Params]:
    """The pydantic model of a stage's or an action's parameters.

    Raises:
        UsageError: the file belongs to neither.
    """
    if section in stages(project):
        return params_model(stage_function(section))
    function = action.function(section)
    if function is None or not action.has_params(function):
        raise UsageError(f"params/{section}.yaml belongs to no stage and no action. Remove it.")
    return params_model(function)


def stages(project: Project) -> list[str]:
    """As `dvc.yaml` has them."""
    return list(spec.stages(project.root))


def file_of(project: Project, section: str) -> Path:
    """Where a stage's or an action's parameters stand."""
    return project.params / f"{section}.yaml"


def field_of(model: type[BaseModel], keys: tuple[str, ...]) -> FieldInfo | None:
    """The field that dotted keys lead to; None: there is none."""
    field: FieldInfo | None = None
    inner: Any = model
    for key in keys:
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return None
        field = inner.model_fields.get(key)
        if field is None:
            return None
        inner = field.annotation
    return field


def nearest(name: str, known: list[str]) -> str:
    """What may have been meant, or what there is where that is not much."""
    if near := get_close_matches(name, known, n=1):
        return f" Did you mean {near[0]!r}?"
    return f" There are: {', '.join(known)}." if len(known) <= FEW else ""
