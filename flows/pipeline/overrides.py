"""Values that a person sets on the command line, and the check of all parameter files.

What runs is always what `params/` says, so a value is written there, never passed on beside it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.frame import files
from components.frame.effects import NoEffect, broken, flat, void
from components.frame.errors import UsageError
from components.frame.params import validated
from flows.parameters import listing, typed, world
from flows.parameters.sections import field_of, file_of, model_of, nearest, sections
from flows.project import Project

Documents = dict[str, Any]
"""Parameter files by their section, with their comments and their order."""


@dataclass(frozen=True)
class Override:
    """`search.max_trials=20`, taken apart."""

    section: str
    """A stage or an action: the name of its file in `params/`."""
    keys: tuple[str, ...]
    value: str
    """As typed."""

    @property
    def place(self) -> str:
        """As a person names the parameter."""
        return ".".join([self.section, *self.keys])


@dataclass(frozen=True)
class Change:
    """One value in a parameter file, before and after."""

    section: str
    key: str
    before: Any
    after: Any

    def __str__(self) -> str:
        where = f"params/{self.section}.yaml: {self.key}"
        if _same(self.before, self.after):
            return f"{where} is {_shown(self.after)} already"
        return f"{where} {_shown(self.before)} -> {_shown(self.after)}"


@dataclass(frozen=True)
class Edits:
    """What is to be written into `params/`; it was checked, and nothing is written yet."""

    project: Project
    changes: list[Change]
    documents: Documents

    @property
    def texts(self) -> dict[Path, str]:
        """The files that change, as they will be."""
        changed = {c.section for c in self.changes if not _same(c.before, c.after)}
        return {file_of(self.project, s): typed.dumped(self.documents[s]) for s in sorted(changed)}

    def write(self) -> list[Change]:
        """Write every file that changes; the changes."""
        for path, text in self.texts.items():
            files.write_text(path, text)
        return self.changes


def apply(project: Project, texts: Sequence[str], start: Path | None = None) -> list[Change]:
    """Write values such as `search.max_trials=20` into `params/`; all of them, or none.

    Raises:
        UsageError: a sentence for everything that is wrong with them.
    """
    return planned(project, texts, start).write()


def planned(
    project: Project,
    texts: Sequence[str],
    start: Path | None = None,
    upon: Edits | None = None,
) -> Edits:
    """Values such as `search.max_trials=20`, read and checked; nothing is written.

    Args:
        project: whose parameters they are.
        texts: as typed.
        start: where a relative path begins; by default at the project.
        upon: what will have been written before.

    Raises:
        UsageError: a sentence for everything that is wrong with them.
    """

    def set_one(text: str, documents: Documents) -> Change:
        override = parse(project, text)
        return _put(project, documents, override, start or project.root)

    return _edited(project, texts, set_one, upon)


def values_with(
    project: Project, wanted: Mapping[str, Any], texts: Sequence[str], start: Path | None = None
) -> dict[str, Any]:
    """All values as they would be with `wanted` and `texts` set, which have the last word.

    What of `wanted` has no effect beside the rest has its default.

    Raises:
        UsageError: a sentence for every value that is wrong by itself.
    """
    errors: list[str] = []
    documents: Documents = {}
    for text in [*as_texts(wanted), *texts]:
        with _collected(errors):
            _put(project, documents, parse(project, text), start or project.root)
    values, shipped, rules = _gathered(project, documents, errors)
    _raise(errors)
    idle = {rule.parameter for rule in broken(rules, values, shipped)} & set(wanted)
    return values | {name: shipped[name] for name in idle}


def as_texts(values: Mapping[str, Any]) -> list[str]:
    """Values as they are typed behind `--set`."""
    return [f"{name}={listing.shown(value)}" for name, value in values.items()]


def named(project: Project, texts: Sequence[str]) -> set[str]:
    """The parameters that a person sets.

    Raises:
        UsageError: a text has another form.
    """
    return {parse(project, text).place for text in texts}


def reset(project: Project, names: Sequence[str]) -> list[Change]:
    """Take parameters, or all of a stage or an action, back to their defaults; all, or none.

    Raises:
        UsageError: there is no such parameter, or another one does not go with its default.
    """

    def set_one(name: str, documents: Documents) -> Change:
        section, *keys = name.split(".")
        if section not in sections(project):
            raise UsageError(
                f"--reset {name}: {section!r} has no parameters."
                f"{nearest(section, sections(project))}"
            )
        shipped = flat(section, model_of(project, section)())
        if name not in shipped:
            raise UsageError(
                f"--reset {name}: there is no such parameter.{nearest(name, list(shipped))}"
            )
        document = _document(project, documents, section)
        return _replace(document, section, keys, typed.as_written(shipped[name]))

    spelled = [full for name in names for full in _spelled_out(project, name)]
    return _edited(project, spelled, set_one, None).write()


def check_all(project: Project) -> None:
    """Check every parameter file, each by itself, beside the others, and against the world.

    Raises:
        UsageError: a sentence for each rule that is broken, in any of the files.
    """
    errors: list[str] = []
    _check(project, {}, errors)
    _raise(errors)


def parse(project: Project, text: str) -> Override:
    """Take `STAGE.KEY=VALUE` apart.

    Raises:
        UsageError: it has another form, or names no stage or action with parameters.
    """
    place, equals, value = text.partition("=")
    section, *keys = place.strip().split(".")
    if not equals or not keys or not all(keys):
        raise UsageError(
            f"A value is set as STAGE.KEY=VALUE, as in search.max_trials=20, but got {text!r}. "
            "All there is to set: thawline params"
        )
    known = sections(project)
    if section not in known:
        raise UsageError(f"{text}: {section!r} has no parameters.{nearest(section, known)}")
    return Override(section, tuple(keys), value)


def _edited(
    project: Project,
    texts: Sequence[str],
    set_one: Callable[[str, Documents], Change],
    upon: Edits | None,
) -> Edits:
    """Every text taken up in turn, and all files checked as they would be."""
    errors: list[str] = []
    documents = deepcopy(upon.documents) if upon else {}
    changes: list[Change] = []
    for text in texts:
        with _collected(errors):
            changes.append(set_one(text, documents))
    if texts:
        _check(project, documents, errors)
    _raise(errors)
    return Edits(project, changes, documents)


def _check(project: Project, documents: Mapping[str, Any], errors: list[str]) -> None:
    """Check all files, those in `documents` as if they were written already."""
    values, shipped, rules = _gathered(project, documents, errors)
    errors += [*void(rules, values, shipped), *world.faults(project, values)]


def _gathered(
    project: Project, documents: Mapping[str, Any], errors: list[str]
) -> tuple[dict[str, Any], dict[str, Any], list[NoEffect]]:
    """All values by name, the shipped ones, and the rules between them."""
    values: dict[str, Any] = {}
    shipped: dict[str, Any] = {}
    rules: list[NoEffect] = [*world.NO_EFFECT]
    for section in sections(project):
        path = file_of(project, section)
        with _collected(errors):
            model = model_of(project, section)
            document = documents.get(section)
            content = files.read_yaml(path) if document is None else typed.reread(document)
            values |= flat(section, validated(model, content, path))
            shipped |= flat(section, model())
            rules += model.no_effect
    return values, shipped, rules


def _document(project: Project, documents: Documents, section: str) -> Any:  # noqa: ANN401  # ruamel has no types
    """A parameter file with its comments, its order and its spelling of numbers."""
    if section not in documents:
        path = file_of(project, section)
        files.read_yaml(path)
        document = typed.round_trip().load(path.read_text(encoding="utf-8"))
        if not isinstance(document, dict):
            raise UsageError(f"params/{path.name} must hold `key: value` lines, but does not.")
        documents[section] = document
    return documents[section]


def _put(project: Project, documents: Documents, override: Override, start: Path) -> Change:
    """Set one value; what is no parameter is left for the model to refuse."""
    document = _document(project, documents, override.section)
    field = field_of(model_of(project, override.section), override.keys)
    try:
        value = typed.read(field, override.value, start=start, root=project.root)
    except ValueError as error:
        raise UsageError(f"{override.place}: the value {error}.") from None
    return _replace(document, override.section, override.keys, value)


def _replace(document: Any, section: str, keys: Sequence[str], value: Any) -> Change:  # noqa: ANN401  # ruamel has no types
    *parents, last = keys
    inner = document
    for key in parents:
        inner = inner.setdefault(key, {})
        if not isinstance(inner, dict):
            place = ".".join([section, *keys])
            raise UsageError(f"{place}: {key!r} holds {inner!r}, nothing below it.")
    before = inner.get(last)
    inner[last] = value
    return Change(section, ".".join(keys), before, value)


def _spelled_out(project: Project, name: str) -> list[str]:
    """A parameter's name, or those of all that a stage, an action or a mapping holds."""
    section = name.partition(".")[0]
    if section not in sections(project):
        return [name]
    every = flat(section, model_of(project, section)())
    return [one for one in every if one == name or one.startswith(f"{name}.")] or [name]


def _same(before: Any, after: Any) -> bool:  # noqa: ANN401  # whatever YAML can hold
    """Whether a value stays: `1` and `true`, or `2024` and the text of it, are not the same."""
    return bool(before == after) and isinstance(before, str) == isinstance(after, str)


def _shown(value: Any) -> str:  # noqa: ANN401  # whatever YAML can hold
    return value if isinstance(value, str) else repr(value)


@contextmanager
def _collected(errors: list[str]) -> Iterator[None]:
    """Note an error instead of stopping at it: a person fixes all of them at once."""
    try:
        yield
    except UsageError as error:
        errors.append(str(error))


def _raise(errors: Sequence[str]) -> None:
    if errors:
        raise UsageError("\n".join(dict.fromkeys(errors)))
