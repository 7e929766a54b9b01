"""The parameters of a stage or an action: read, checked, and each fault a sentence."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, ClassVar, TypeVar, get_args, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError

from components.frame import files
from components.frame.effects import NoEffect, flat, void
from components.frame.errors import UsageError

RENAMED = {
    "augment": {
        "mirror": "horizontal_flip",
        "crop_share": "crop_fraction",
        "preview_pictures": "preview_images",
    },
    "search": {
        "strength": "magnitude",
        "fresh_seeds": "confirmation_runs",
        "depth_from": "freeze_depth.low",
        "depth_to": "freeze_depth.high",
        "enqueue.depth": "enqueue.freeze_depth",
    },
    "evaluate": {"confidence": "confidence_level", "mistakes": "report.mistakes"},
}
"""By file, what parameters were called before, and what they are now."""
MUST_BE = "Input should be "
"""How pydantic begins most rules."""
SHOULD = re.compile(r"^\w+ should ")


@dataclass(frozen=True)
class PathOr:
    """Marks a parameter that is a path, unless it is one of these words."""

    words: tuple[str, ...]


class Params(BaseModel):
    """The parameters of a stage or an action: frozen, strict, unknown keys refused.

    A field's default is what is shipped and what `thawline params --reset` goes back to. It takes
    no missing line's place: a file names every parameter.
    """

    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True
    )
    no_effect: ClassVar[tuple[NoEffect, ...]] = ()
    """Which of its parameters others make void."""


P = TypeVar("P", bound=Params)


def params_model(function: Callable[..., Any]) -> type[Params]:
    """The pydantic model in the signature of a stage or an action."""
    model: type[Params] = get_type_hints(function)["params"]
    return model


def load_params(model: type[P], path: Path) -> P:
    """Read and check a parameter file; all its errors come together.

    Raises:
        UsageError: one sentence for each rule that is broken.
    """
    return check_params(model, files.read_yaml(path), path)


def check_params(model: type[P], values: object, path: Path) -> P:
    """Check values as if they stood in `path`, each by itself and beside the others.

    Raises:
        UsageError: one sentence for each rule that is broken.
    """
    params = validated(model, values, path)
    if model.no_effect:
        known, shipped = flat(path.stem, params), flat(path.stem, model())
        if sentences := void(model.no_effect, known, shipped):
            raise UsageError("\n".join(sentences))
    return params


def validated(model: type[P], values: object, path: Path) -> P:
    """Check values, without asking whether one makes another void.

    Raises:
        UsageError: one sentence for each rule that is broken.
    """
    if values is None:
        values = {}
    if not isinstance(values, dict):
        raise UsageError(f"{path} must hold `key: value` lines, but holds {values!r}.")
    errors: list[Any] = [
        {"type": "missing", "loc": (name,), "msg": "", "input": values}
        for name, field in model.model_fields.items()
        if name not in values and not field.is_required()
    ]
    try:
        params = model.model_validate(values)
    except ValidationError as error:
        errors = [*error.errors(), *errors]
    if errors:
        raise UsageError("\n".join(_sentences(model, errors, path)))
    return params


def _sentences(model: type[BaseModel], errors: list[Any], path: Path) -> list[str]:
    """One for each broken rule; what is missing because it bears its old name is said once."""
    renamed = RENAMED.get(path.stem, {})
    old = {_name(error) for error in errors if _unknown(error)} & set(renamed)
    expected = {f"{renamed[name]}." for name in old}
    sentences = []
    for error in _merged(model, errors):
        name = _name(error)
        if name in old:
            sentences.append(f"params/{path.name}: `{name}` is called `{renamed[name]}` now.")
        elif not (_missing(error) and any(new.startswith(f"{name}.") for new in expected)):
            sentences.append(_sentence(model, error, path))
    return list(dict.fromkeys(sentences))


def _merged(model: type[BaseModel], errors: list[Any]) -> list[Any]:
    """The errors, those of one value that may be of several types as one: `'auto' or ...`."""
    known, found = _field_names(model), dict[Any, Any]()
    for error in errors:
        if not error["msg"].startswith(MUST_BE):
            found[id(error)] = error
            continue
        place = tuple(part for part in error["loc"] if isinstance(part, int) or part in known)
        rule, before = error["msg"], found[place]["msg"] if place in found else ""
        if before:
            other = rule.removeprefix(MUST_BE)
            rule = before if before.endswith(other) else f"{before} or {other}"
        found[place] = error | {"loc": place, "msg": rule}
    return list(found.values())


def _field_names(model: type[BaseModel]) -> set[str]:
    """The names of all parameters, those in mappings and lists of mappings too."""
    names = set(model.model_fields)
    for field in model.model_fields.values():
        inside = [field.annotation]
        while inside:
            kind = inside.pop()
            inside += get_args(kind)
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                names |= _field_names(kind)
    return names


def _name(error: Any) -> str:  # noqa: ANN401  # pydantic's own
    """Where a rule is broken, without places in lists: `enqueue.freeze_depth`."""
    return ".".join(part for part in error["loc"] if isinstance(part, str))


def _unknown(error: Any) -> bool:  # noqa: ANN401  # pydantic's own
    return bool(error["type"] == "extra_forbidden")


def _missing(error: Any) -> bool:  # noqa: ANN401  # pydantic's own
    return bool(error["type"] == "missing")


def _sentence(model: type[BaseModel], error: Any, path: Path) -> str:  # noqa: ANN401  # pydantic's own
    """One broken rule as a sentence: where, the rule, the value, the remedy."""
    place = ".".join(str(part) for part in error["loc"])
    where = f"params/{path.name}: {place}" if place else f"params/{path.name}:"
    if _unknown(error):
        return f"{where} is no parameter.{_nearest(model, error['loc'])}"
    if _missing(error):
        return f"{where} is missing. Restore the line: git diff params/{path.name}"
    if error["type"] == "value_error":  # one of ours, which names the values
        return f"{where} {error['msg'].removeprefix('Value error, ')}."
    rule = SHOULD.sub("must ", error["msg"])
    return f"{where} {rule}, but is {error['input']!r}."


def _nearest(model: type[BaseModel], location: tuple[int | str, ...]) -> str:
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
