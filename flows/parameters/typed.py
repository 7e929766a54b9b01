"""A value as a person types it, read as its parameter's type says."""

import os
from io import StringIO
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import YAMLError

from components.frame.effects import one_or_all
from components.frame.params import PathOr

LONGEST = 80
"""Characters of a value that an error shows."""
NOTHING = "null"
"""How `None` is typed where a parameter may be text or nothing."""


def read(field: FieldInfo | None, text: str, *, start: Path, root: Path) -> Any:  # noqa: ANN401  # whatever YAML can hold
    """What a text means: itself for a parameter that holds text, else what it is in YAML.

    Args:
        field: of the parameter; None: there is none, which is for others to say.
        text: as typed.
        start: where the person stands: a relative path begins there.
        root: of the project: a path inside is relative to it.

    Raises:
        ValueError: it must be YAML, but is not.
    """
    if field is None or not _is_text(field.annotation):
        return _from_yaml(text)
    if text == NOTHING and NoneType in get_args(field.annotation):
        return None
    marks = [mark for mark in field.metadata if isinstance(mark, PathOr)]
    if text and marks and text not in marks[0].words:
        return _path(text, marks[0].words, start, root)
    return text


def round_trip() -> YAML:
    """A reader and writer that keeps comments, order and the spelling of numbers."""
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.representer.add_representer(NoneType, _null)
    return yaml


def dumped(document: Any) -> str:  # noqa: ANN401  # whatever YAML can hold
    """A document as its file holds it."""
    text = StringIO()
    round_trip().dump(document, text)
    return text.getvalue()


def reread(document: Any) -> Any:  # noqa: ANN401  # whatever YAML can hold
    """What a file of this document will hold for whoever reads it."""
    return YAML(typ="safe", pure=True).load(dumped(document))


def as_written(value: Any) -> Any:  # noqa: ANN401  # whatever a parameter may be
    """A checked value as its file has it."""
    value = one_or_all(value)
    if isinstance(value, list):
        return [as_written(one) for one in value]
    if not isinstance(value, BaseModel):
        return value
    mapping = CommentedMap(value.model_dump())
    mapping.fa.set_flow_style()
    return mapping


def _is_text(kind: Any) -> bool:  # noqa: ANN401  # a type or a form of `typing`
    """Whether only text, words or nothing may stand there."""
    if get_origin(kind) in (Union, UnionType):
        return all(_is_text(one) or one is NoneType for one in get_args(kind))
    if get_origin(kind) is Literal:
        return all(isinstance(word, str) for word in get_args(kind))
    return kind is str


def _from_yaml(text: str) -> Any:  # noqa: ANN401  # whatever YAML can hold
    try:
        return round_trip().load(text)
    except (YAMLError, RecursionError) as error:
        what = " ".join(str(error).split())
        shown = text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
        raise ValueError(f"must be YAML, but {shown!r} is not ({what})") from None


def _path(text: str, words: tuple[str, ...], start: Path, root: Path) -> str:
    """A path as the file has it: inside the project relative to it, else from the root."""
    whole = Path(os.path.abspath(start / Path(text).expanduser()))  # noqa: PTH100  # links stay as they were named
    inside = whole.relative_to(root).as_posix() if whole.is_relative_to(root) else str(whole)
    return f"./{inside}" if inside in words else inside


def _null(representer: Any, _none: None) -> Any:  # noqa: ANN401  # ruamel has no types
    """`null` as a person writes it; ruamel would leave the place empty."""
    return representer.represent_scalar("tag:yaml.org,2002:null", NOTHING)
