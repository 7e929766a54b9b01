"""The command `thawline params`: every parameter with its value, default, range and meaning."""

import json
import textwrap
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from components.frame import files
from components.frame.effects import flat
from components.frame.errors import UsageError
from components.frame.params import Params, PathOr, validated
from flows.parameters.sections import field_of, file_of, model_of, nearest, sections
from flows.parameters.typed import as_written
from flows.project import Project

WIDTH = 80
INDENT = 6
LONGEST_KEY = 24
GLOB = frozenset("*?[")
NAMES = {bool: "true | false", str: "text", int: "number", float: "number", NoneType: "null"}


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One parameter as it stands."""

    key: str
    """As `--set` takes it."""
    value: Any
    default: Any
    range: str
    """What it may be."""
    meaning: str

    @property
    def changed(self) -> bool:
        """Whether it differs from what is shipped."""
        return bool(self.value != self.default)


def parameters(project: Project, pattern: str = "") -> list[Parameter]:
    """All of them, or those whose name holds the pattern, or fits it where it has `*`, `?` or `[`.

    Raises:
        UsageError: none does, or a parameter file is wrong.
    """
    found = [one for section in sections(project) for one in _of(project, section)]
    chosen = [one for one in found if fits(one.key, pattern)]
    if not chosen:
        known = [one.key for one in found] if "." in pattern else sections(project)
        raise UsageError(f"No parameter is named {pattern!r}.{nearest(pattern, known)}")
    return chosen


def as_json(found: list[Parameter]) -> str:
    """A list of objects."""
    rows = [{**asdict(one), "changed": one.changed} for one in found]
    return json.dumps(rows, indent=2, ensure_ascii=False)


def screen(project: Project, found: list[Parameter]) -> str:
    """What a person reads, below the name of each stage or action; 80 columns wide."""
    lines: list[str] = []
    for section in dict.fromkeys(one.key.partition(".")[0] for one in found):
        about = (model_of(project, section).__doc__ or "").strip()
        lines += [*textwrap.wrap(f"{section}: {about}", WIDTH), ""]
        inside = [one for one in found if one.key.startswith(f"{section}.")]
        lines += [line for one in inside for line in _entry(one)] + [""]
    changed = sum(one.changed for one in found)
    lines.append(f"* differs from the default: {changed} of {len(found)}. {HINT}")
    return "\n".join(lines)


HINT = "Back: thawline params --reset NAME"


def short(field: FieldInfo) -> str:
    """What a file says beside a parameter: words to choose among, and how its meaning begins."""
    meaning = (field.description or "").split(";")[0].rstrip(".")
    lower = meaning[:1].lower() + meaning[1:]
    kind = field.annotation  # of a list of words there may be too many for a line
    words = "Literal" in str(kind) and get_origin(kind) is not list
    return f"{range_of(field)}: {lower}" if words else lower


def range_of(field: FieldInfo) -> str:
    """What a parameter may be."""
    marks = [mark for mark in field.metadata if isinstance(mark, PathOr)]
    if marks:
        return " | ".join([*marks[0].words, "a path"])
    return " | ".join(dict.fromkeys(_kinds(field.annotation, field.metadata)))


def _of(project: Project, section: str) -> Iterator[Parameter]:
    model, path = model_of(project, section), file_of(project, section)
    values = flat(section, validated(model, files.read_yaml(path), path))
    for key, default in flat(section, model()).items():
        field = _field(model, tuple(key.split(".")[1:]))
        yield Parameter(
            key=key,
            value=_plain(values[key]),
            default=_plain(default),
            range=range_of(field),
            meaning=field.description or "",
        )


def _field(model: type[Params], keys: tuple[str, ...]) -> FieldInfo:
    field = field_of(model, keys)
    assert field is not None  # noqa: S101  # the keys are the model's own
    return field


def fits(key: str, pattern: str) -> bool:
    """Whether a name holds a pattern, or fits it where that has `*`, `?` or `[`."""
    return fnmatchcase(key, pattern) if set(pattern) & GLOB else pattern in key


def _plain(value: Any) -> Any:  # noqa: ANN401  # whatever a parameter may be
    written = as_written(value)
    return (
        [dict(one) if isinstance(one, dict) else one for one in written]
        if isinstance(written, list)
        else written
    )


def _entry(one: Parameter) -> Iterator[str]:
    mark = "*" if one.changed else " "
    name = one.key.partition(".")[2]
    default = f"  (default {shown(one.default)})" if one.changed else ""
    yield from textwrap.wrap(
        f"{mark} {name:<{LONGEST_KEY}} {shown(one.value)}{default}",
        WIDTH,
        subsequent_indent=" " * (LONGEST_KEY + 3),
        break_on_hyphens=False,
    )
    text = f"{one.meaning.rstrip('.')}. [{one.range}]"
    yield from textwrap.wrap(
        text, WIDTH, initial_indent=" " * INDENT, subsequent_indent=" " * INDENT
    )


def shown(value: Any) -> str:  # noqa: ANN401  # whatever a parameter may be
    """A value as its file has it."""
    if isinstance(value, list):
        return f"[{', '.join(map(shown, value))}]"
    if isinstance(value, dict):
        inside = ", ".join(f"{key}: {shown(inner)}" for key, inner in value.items())
        return f"{{{inside}}}"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)


def _kinds(kind: Any, marks: list[Any]) -> Iterator[str]:  # noqa: ANN401  # a type or a form of `typing`
    """The words for each type that a value may have, with its bounds."""
    inside = get_args(kind)
    if get_origin(kind) in (Union, UnionType):
        for one in inside:
            yield from _kinds(one, marks)
    elif get_origin(kind) is Literal:
        yield from map(str, inside)
    elif get_origin(kind) is list:
        listed = " | ".join(_kinds(inside[0], []))
        yield f"{listed}, or a list to choose among" if not _is_model(inside[0]) else listed
    elif hasattr(kind, "__metadata__"):
        fields = [mark for mark in kind.__metadata__ if isinstance(mark, FieldInfo)]
        yield from _kinds(inside[0], [mark for one in fields for mark in one.metadata])
    elif _is_model(kind):
        yield f"a list of {{{', '.join(kind.model_fields)}}}"
    else:
        yield _bounded(marks) or NAMES[kind]


def _bounded(marks: list[Any]) -> str:
    """Bounds in words: `1 to 40`, `above 0`, `above 0, below 1`."""
    low = next((str(m.ge) for m in marks if isinstance(m, Ge)), "")
    high = next((str(m.le) for m in marks if isinstance(m, Le)), "")
    above = next((f"above {m.gt}" for m in marks if isinstance(m, Gt)), "")
    below = next((f"below {m.lt}" for m in marks if isinstance(m, Lt)), "")
    if low and high:
        return f"{low} to {high}"
    most = below or (f"up to {high}" if high else "")
    least = above or (low if most else f"{low} or more" if low else "")
    return ", ".join(part for part in (least, most) if part)


def _is_model(kind: Any) -> bool:  # noqa: ANN401  # a type or a form of `typing`
    return isinstance(kind, type) and issubclass(kind, BaseModel)
