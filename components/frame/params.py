"""The parameters of a stage or an action: read, checked, and each fault a sentence."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError

from components.frame import files
from components.frame.errors import UsageError


class Params(BaseModel):
    """The parameters of a stage or an action: frozen, strict, unknown keys refused."""

    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True
    )


Model = TypeVar("Model", bound=Params)


def params_model(function: Callable[..., Any]) -> type[Params]:
    """The pydantic model in the signature of a stage or an action."""
    model: type[Params] = get_type_hints(function)["params"]
    return model


def load_params(model: type[Model], path: Path) -> Model:
    """Read and check a parameter file; all its errors come together.

    Raises:
        UsageError: one sentence for each rule that is broken.
    """
    return check_params(model, files.read_yaml(path), path)


def check_params(model: type[Model], values: object, path: Path) -> Model:
    """Check values as if they stood in `path`.

    Raises:
        UsageError: one sentence for each rule that is broken.
    """
    if values is None:
        values = {}
    if not isinstance(values, dict):
        raise UsageError(f"{path} must hold `key: value` lines, but holds {values!r}.")
    try:
        return model.model_validate(values)
    except ValidationError as error:
        sentences = [_sentence(model, item, path) for item in error.errors()]
        raise UsageError("\n".join(sentences)) from None


def _sentence(model: type[BaseModel], error: Any, path: Path) -> str:  # noqa: ANN401  # pydantic's own
    """One broken rule as a sentence: where, the rule, the value, the remedy."""
    place = ".".join(str(part) for part in error["loc"])
    where = f"params/{path.name}: {place}" if place else f"params/{path.name}"
    if error["type"] == "extra_forbidden":
        return f"{where} is no parameter.{_nearest(model, error['loc'])}"
    if error["type"] == "missing":
        return f"{where} is missing. Restore the line: git diff params/{path.name}"
    rule = error["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    if error["msg"].startswith("Input should be "):
        rule = f"must be {rule}"
    return f"{where} {rule}, but is {error['input']!r}."


def _nearest(model: type[BaseModel], location: tuple[int | str, ...]) -> str:
    from difflib import get_close_matches

    for part in location[:-1]:
        field_ = model.model_fields.get(str(part))
        inner = field_.annotation if field_ else None
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return ""
        model = inner
    near = get_close_matches(str(location[-1]), model.model_fields, n=1)
    if near:
        return f" Did you mean `{near[0]}`?"
    return f" There are: {', '.join(model.model_fields)}."
