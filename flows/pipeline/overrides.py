"""Values that a person sets on the command line, and the check of all parameter files.

What runs is always what `params/` says, so a value is written there, never passed on beside it.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from io import StringIO
from pathlib import Path
from typing import Any

from components.frame import files
from components.frame.errors import UsageError
from components.frame.params import Params, check_params, params_model
from components.frame.spec import stages as stages_of
from components.frame.stage import stage_function
from flows.actions import action
from flows.project import Project

LONGEST = 80
"""Characters of a value that an error shows."""


@dataclass(frozen=True)
class Override:
    """`search.max_trials=20`, taken apart."""

    section: str
    """A stage or an action: the name of its file in `params/`."""
    keys: tuple[str, ...]
    value: str
    """As typed; YAML."""


@dataclass(frozen=True)
class Change:
    """One value in a parameter file, before and after."""

    section: str
    key: str
    before: Any
    after: Any

    def __str__(self) -> str:
        where = f"params/{self.section}.yaml: {self.key}"
        if self.before == self.after:
            return f"{where} is {_shown(self.after)} already"
        return f"{where} {_shown(self.before)} -> {_shown(self.after)}"


def apply(project: Project, texts: Sequence[str]) -> list[Change]:
    """Write values such as `search.max_trials=20` into `params/`; all of them, or none.

    Raises:
        UsageError: a sentence for everything that is wrong with them.
    """
    errors: list[str] = []
    documents: dict[str, Any] = {}
    changes: list[Change] = []
    for text in texts:
        with _collected(errors):
            override = parse(project, text)
            document = documents.setdefault(
                override.section, _load(_file(project, override.section))
            )
            changes.append(_put(document, override))
    written = {section: _text(document) for section, document in documents.items()}
    if texts:
        _check(project, written, errors)
    _raise(errors)
    for section in {change.section for change in changes if change.before != change.after}:
        files.write_text(_file(project, section), written[section])
    return changes


def check_all(project: Project) -> None:
    """Check every parameter file against the model of its stage or action.

    Raises:
        UsageError: a sentence for each rule that is broken, in any of the files.
    """
    errors: list[str] = []
    _check(project, {}, errors)
    _raise(errors)


def sections(project: Project) -> list[str]:
    """The stages and actions that have parameters."""
    present = {path.stem for path in project.params.glob("*.yaml")}
    return sorted(present | set(_stages(project)))


def model_of(project: Project, section: str) -> type[Params]:
    """The pydantic model of a stage's or an action's parameters.

    Raises:
        UsageError: the file belongs to neither.
    """
    if section in _stages(project):
        return params_model(stage_function(section))
    function = action.function(section)
    if function is None or not action.has_params(function):
        raise UsageError(f"params/{section}.yaml belongs to no stage and no action. Remove it.")
    return params_model(function)


def parse(project: Project, text: str) -> Override:
    """Take `STAGE.KEY=VALUE` apart.

    Raises:
        UsageError: it has another form, or names no stage or action with parameters.
    """
    place, equals, value = text.partition("=")
    section, *keys = place.strip().split(".")
    if not equals or not keys or not all(keys):
        raise UsageError(
            f"--set takes STAGE.KEY=VALUE, as in search.max_trials=20, but got {text!r}."
        )
    if section not in sections(project):
        raise UsageError(
            f"--set {text}: {section!r} has no parameters.{_nearest(project, section)}"
        )
    return Override(section, tuple(keys), value)


def _check(project: Project, written: Mapping[str, str], errors: list[str]) -> None:
    """Check all files, those in `written` as if that was written already."""
    for section in sections(project):
        path = _file(project, section)
        with _collected(errors):
            model = model_of(project, section)
            values = _plain(written[section]) if section in written else files.read_yaml(path)
            check_params(model, values, path)


def _load(path: Path) -> Any:  # noqa: ANN401  # ruamel has no types
    """A parameter file with its comments, its order and its spelling of numbers."""
    files.read_yaml(path)
    document = _round_trip().load(path.read_text(encoding="utf-8"))
    if not isinstance(document, dict):
        raise UsageError(f"params/{path.name} must hold `key: value` lines, but does not.")
    return document


def _text(document: Any) -> str:  # noqa: ANN401  # ruamel has no types
    text = StringIO()
    _round_trip().dump(document, text)
    return text.getvalue()


def _round_trip() -> Any:  # noqa: ANN401  # ruamel has no types
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.representer.add_representer(type(None), _null)
    return yaml


def _null(representer: Any, _none: None) -> Any:  # noqa: ANN401  # ruamel has no types
    """`null` as a person writes it; ruamel would leave the place empty."""
    return representer.represent_scalar("tag:yaml.org,2002:null", "null")


def _plain(text: str) -> Any:  # noqa: ANN401  # whatever YAML can hold
    from ruamel.yaml import YAML

    return YAML(typ="safe", pure=True).load(text)


def _put(document: Any, override: Override) -> Change:  # noqa: ANN401  # ruamel has no types
    """Set one value; what is no parameter is left for the model to refuse."""
    *parents, last = override.keys
    inner = document
    for key in parents:
        inner = inner.setdefault(key, {})
        if not isinstance(inner, dict):
            place = ".".join([override.section, *override.keys])
            raise UsageError(f"--set {place}: {key!r} holds {inner!r}, nothing below it.")
    before = inner.get(last)
    inner[last] = _value(override)
    return Change(override.section, ".".join(override.keys), before, inner[last])


def _value(override: Override) -> Any:  # noqa: ANN401  # whatever YAML can hold
    from ruamel.yaml.error import YAMLError

    try:
        return _round_trip().load(override.value)
    except (YAMLError, RecursionError) as error:
        place = ".".join([override.section, *override.keys])
        what = " ".join(str(error).split())
        raise UsageError(
            f"--set {place}: the value must be YAML, but {_cut(override.value)} is not ({what})."
        ) from None


def _stages(project: Project) -> list[str]:
    return list(stages_of(project.root))


def _file(project: Project, section: str) -> Path:
    return project.params / f"{section}.yaml"


def _nearest(project: Project, section: str) -> str:
    known = sections(project)
    near = get_close_matches(section, known, n=1)
    return f" Did you mean {near[0]!r}?" if near else f" There are: {', '.join(known)}."


def _cut(text: str) -> str:
    """As a sentence shows it."""
    return repr(text if len(text) <= LONGEST else text[:LONGEST] + "...")


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
