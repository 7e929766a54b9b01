"""What one stage writes and another reads: typed, checked on both ways, its keys spelt once."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, fields, is_dataclass
from math import isfinite
from pathlib import Path
from types import UnionType
from typing import Any, ClassVar, Self, TypeVar, Union, get_args, get_origin, get_type_hints

from components.frame import files
from components.frame.errors import DataError

T = TypeVar("T")


class Document:
    """A frozen dataclass that is a file, JSON or YAML by its ending."""

    comment: ClassVar[str] = ""
    """Heads the file, where it is YAML."""

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file that `write` wrote.

        Raises:
            DataError: it holds something else.
        """
        try:
            content = files.read_yaml(path) if path.suffix == ".yaml" else files.read_json(path)
        except ValueError as error:  # torn, or no text at all
            raise DataError(f"{path} must be valid JSON, but: {error}. {_REMEDY}") from None
        return cls.from_dict(content, str(path))

    @classmethod
    def from_dict(cls, content: Mapping[str, Any], where: str = "") -> Self:
        """Check what a document holds.

        Raises:
            DataError: a key is missing or unknown, or its value is of another type.
        """
        return built(cls, content, where or cls.__name__)

    def to_dict(self) -> dict[str, Any]:
        """As JSON and YAML can hold it."""
        plain: dict[str, Any] = _plain(asdict(self))  # type: ignore[call-overload]  # a dataclass
        return plain

    def write(self, path: Path) -> None:
        """Write it, whole or not at all."""
        if path.suffix == ".yaml":
            files.write_yaml(path, self.to_dict(), comment=self.comment)
        else:
            files.write_json(path, self.to_dict())


def built(cls: type[T], content: object, where: str) -> T:
    """A frozen dataclass from its keys and values, each checked against its annotation.

    Raises:
        DataError: a key is missing or unknown, or its value is of another type.
    """
    if not isinstance(content, Mapping):
        raise DataError(f"{where} must hold keys and values, but holds {content!r}. {_REMEDY}")
    hints, names = get_type_hints(cls), [field.name for field in fields(cls)]  # type: ignore[arg-type]  # a dataclass
    if odd := sorted(map(str, set(names) ^ set(content))):
        raise DataError(
            f"{where} must hold {', '.join(names)}, but differs in {', '.join(odd)}. {_REMEDY}"
        )
    return cls(**{name: _value(hints[name], content[name], f"{where}: {name}") for name in names})


_REMEDY = "It is damaged, or another version of Thawline wrote it: run `dvc repro`."


def _value(kind: Any, value: Any, where: str) -> Any:  # noqa: ANN401  # any annotation, any value
    """The value as its annotation says: a nested document, a tuple for a list, or itself."""
    origin, inside = get_origin(kind), get_args(kind)
    if is_dataclass(kind) and isinstance(kind, type):
        return built(kind, value, where)
    if origin in (Union, UnionType):
        return _one_of(inside, value, where)
    if origin is tuple and isinstance(value, list | tuple):
        kinds = (inside[0],) * len(value) if inside[-1] is ... else inside
        if len(kinds) == len(value):
            return tuple(_value(*pair, where) for pair in zip(kinds, value, strict=True))
    elif origin is Mapping and isinstance(value, Mapping):
        return {_value(inside[0], k, where): _value(inside[1], v, where) for k, v in value.items()}
    elif origin is None and _is(value, kind):
        return value
    raise DataError(f"{where} must be {_named(kind)}, but is {value!r}. {_REMEDY}")


def _one_of(kinds: Sequence[Any], value: Any, where: str) -> Any:  # noqa: ANN401  # as `_value`
    """The value as the first of some annotations that it fits."""
    for kind in kinds:
        with suppress(DataError):
            return _value(kind, value, where)
    named = " or ".join(map(_named, kinds))
    raise DataError(f"{where} must be {named}, but is {value!r}. {_REMEDY}")


def _is(value: object, kind: Any) -> bool:  # noqa: ANN401  # any annotation
    """Whether a value is of a type; a truth value is no number, nor is one that is infinite."""
    if kind in (Any, object):
        return True
    if kind is float and not isinstance(value, bool):
        return isinstance(value, float | int) and isfinite(value)
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


def _named(kind: Any) -> str:  # noqa: ANN401  # any annotation
    return kind.__name__ if isinstance(kind, type) else str(kind)


def _plain(value: Any) -> Any:  # noqa: ANN401  # whatever JSON can hold
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value
