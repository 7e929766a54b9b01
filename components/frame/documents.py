"""What one stage writes and another reads: typed, checked on both ways, its keys spelt once."""

from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, ClassVar, Self, Union, get_args, get_origin, get_type_hints

from components.frame import files
from components.frame.errors import DataError


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
        content = files.read_yaml(path) if path.suffix == ".yaml" else files.read_json(path)
        return cls.from_dict(content, str(path))

    @classmethod
    def from_dict(cls, content: Mapping[str, Any], where: str = "") -> Self:
        """Check what a document holds.

        Raises:
            DataError: a key is missing or unknown, or its value is of another type.
        """
        made: Self = _built(cls, content, where or cls.__name__)
        return made

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


def _built(cls: Any, content: object, where: str) -> Any:  # noqa: ANN401  # any dataclass
    if not isinstance(content, Mapping):
        raise DataError(f"{where} must hold keys and values, but holds {content!r}. {_REMEDY}")
    hints = get_type_hints(cls)
    names = [field.name for field in fields(cls)]
    if odd := sorted(set(names) ^ set(content)):
        raise DataError(
            f"{where} must hold {', '.join(names)}, but differs in {', '.join(odd)}. {_REMEDY}"
        )
    return cls(**{name: _value(hints[name], content[name], f"{where}: {name}") for name in names})


_REMEDY = "Another version of Thawline wrote it: run `dvc repro`."


def _value(kind: Any, value: Any, where: str) -> Any:  # noqa: ANN401  # any annotation, any value
    """The value as its annotation says: a nested document, a tuple for a list, or itself."""
    origin = get_origin(kind)
    if is_dataclass(kind):
        return _built(kind, value, where)
    if origin is tuple and isinstance(value, list | tuple):
        return tuple(value)
    kinds = get_args(kind) if origin in (Union, UnionType) else (origin or kind,)
    wanted = tuple(float | int if one is float else one for one in kinds if one is not Any)
    if wanted and not any(_is(value, one) for one in wanted):
        raise DataError(f"{where} must be {kind}, but is {value!r}. {_REMEDY}")
    return value


def _is(value: object, kind: Any) -> bool:  # noqa: ANN401  # any annotation
    """Whether a value is of a type; a truth value is no number."""
    if isinstance(value, bool):
        return kind in (bool, object)
    return isinstance(value, kind)


def _plain(value: Any) -> Any:  # noqa: ANN401  # whatever JSON can hold
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value
